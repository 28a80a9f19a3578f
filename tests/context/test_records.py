"""Events and series from CSV: what is read, and every refusal with file, line, value and remedy."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pondscan.context.records import EVENT_COLUMNS, SERIES_COLUMNS, read_events, read_series, unused_columns
from pondscan.errors import InputError

KACHIN = Path(__file__).resolve().parents[2] / "configs" / "context"
EVENTS = "date,label,event,value,unit,definition,source,remark\n"
SERIES = "series,period,value,unit,definition,source,remark\n"


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes) -> str:
        path = tmp_path / "outside.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def refusal(read, path: str) -> str:
    with pytest.raises(InputError) as caught:
        read([path])
    return str(caught.value).replace(path, "FILE")


def test_events_come_by_date_and_keep_what_is_said_of_them(written):
    path = written(
        EVENTS + "2024-10,Taken,by the KIA,,,,NMS,\n\n2019-05-24,Closed,,16000,people,at most,Roskill,unsure\n"
    )
    first, second = read_events([path])
    assert (first.label, first.written, first.value, first.unit, first.definition) == (
        "Closed", "2019-05-24", 16000.0, "people", "at most",
    )  # fmt: skip
    assert (first.source, first.remark) == ("Roskill", "unsure")
    assert (second.label, second.about, second.value) == ("Taken", "by the KIA", None)


def test_series_may_hold_a_bare_minimum_in_any_order_with_any_further_columns(written):
    path = written("Unit;VALUE;period;series;mine\nt;-3.5;2024-10;imports;x\n\n")
    (value,) = read_series([path])
    assert (value.series, value.value, value.unit, value.definition, value.source) == ("imports", -3.5, "t", "", "")
    assert unused_columns(path, SERIES_COLUMNS) == ["mine"]


def test_a_spreadsheets_mark_of_utf8_is_no_part_of_the_first_column(written):
    assert len(read_events([written(b"\xef\xbb\xbfdate,label\r\n2024,Taken\r\n")])) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2024-13,Taken\n", "FILE, line 2: date = '2024-13': there is no such day: write YYYY, YYYY-MM"),
        ("\n,Taken\n", "FILE, line 3: date = '': it must not be empty: fill it in"),
        (f"2024,{'x' * 61}\n", "it has more than 60 letters: shorten it, and tell more in `event`"),
        ("2024,Taken,by,the,KIA\n", "FILE, line 2: 5 cells under 2 columns: put quotes around text that holds a comma"),
    ],
)
def test_an_event_that_cannot_be_right_is_refused(written, text, words):
    assert words in refusal(read_events, written("date,label\n" + text))


@pytest.mark.parametrize("number", ["12,5", "1_000", "nan", "inf", "many"])
def test_a_value_that_is_no_number_is_refused(written, number):
    refused = refusal(read_series, written(SERIES + f'imports,2024,"{number}",t,,,\n'))
    assert refused == (
        f"FILE, line 2: value = '{number}': this is no number: write it with a decimal point and without separators"
    )


def test_a_figure_without_a_unit_is_refused(written):
    assert "value = '3': it has no unit: give one" in refusal(read_events, written(EVENTS + "2024,Taken,,3,,,,\n"))
    assert "unit = '': it must not be empty" in refusal(read_series, written(SERIES + "imports,2024,3,,,,\n"))


def test_a_missing_column_is_named_beside_those_there_are(written):
    assert refusal(read_series, written("series,date,value,unit\n")) == (
        "FILE: there is no column 'period', its columns are series, date, value, unit: name it in the first line"
    )
    assert "its columns are none" in refusal(read_events, written(""))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"date,label\n2024,\xff\n", "it is not UTF-8 text: save it as CSV UTF-8"),
        (b"date,label,date\n", "the column 'date' is there twice"),
        (b"date,label\n2024," + b"x" * 200_000, "this is no CSV (field larger than field limit"),
    ],
)
def test_what_is_no_table_is_refused(written, content, words):
    assert words in refusal(read_events, written(content))


def test_a_missing_file_is_refused_with_the_remedy(tmp_path):
    path = str(tmp_path / "none.csv")
    assert (
        refusal(read_events, path)
        == "FILE: it cannot be read (No such file or directory): check the path under [context]"
    )


def test_the_kachin_files_say_source_unit_and_definition_and_keep_what_contradicts():
    events = read_events([str(KACHIN / "kachin_events.csv")])
    series = read_series([str(KACHIN / "kachin_series.csv")])
    for name, columns in (("kachin_events.csv", EVENT_COLUMNS), ("kachin_series.csv", SERIES_COLUMNS)):
        with (KACHIN / name).open(encoding="utf-8", newline="") as file:
            assert tuple(next(csv.reader(file))) == columns
    assert all(one.source for one in (*events, *series))
    assert all(value.definition for value in series)
    assert {one.written for one in events if "Pangwa" in one.label or "end 2024" in one.label} >= {"2024-10", "2024-12"}
    imports = {(one.value, one.unit) for one in series if one.series.endswith("from Myanmar") and one.written == "2023"}
    assert imports == {(41_700.0, "t"), (50_000.0, "t REO")}
    assert {one.value for one in series if one.written == "2021" and one.unit == "million USD"} == {740.0, 780.0}
    assert [one.when.start.year for one in events if one.label.startswith("Clean-up")] == [2002, 2012]
