"""Settings: defaults, layers, refusals, and the printed file that reads back as what was printed."""

from __future__ import annotations

import string
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.config import InputSettings, PondSettings, Settings, SiteSettings
from pondscan.configfile import (
    all_settings,
    assignment_layer,
    differences,
    load_settings,
    option_layer,
    read_layer,
    settings_in_tables,
    to_toml,
)
from pondscan.errors import ConfigError


def settings_of(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings([read_layer(path)])


def refusal_of(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, text)
    return str(caught.value)


def set_refusal(*assignments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings([assignment_layer(assignments)])
    return str(caught.value)


def test_the_printed_defaults_read_back_as_the_defaults(tmp_path):
    assert settings_of(tmp_path, to_toml(Settings())) == Settings()


def test_every_setting_is_printed_with_its_description():
    printed = " ".join(to_toml(Settings()).replace("\n# ", " ").split())
    for setting in all_settings().values():
        assert setting.description, setting.key
        assert " ".join(setting.description.split()) in printed, setting.key


def test_every_setting_says_what_it_may_be():
    allowed = {key: setting.allowed for key, setting in all_settings().items()}
    assert allowed["detect.min_fraction"] == "a number, above 0 and below 1"
    assert allowed["sites.min_ponds"] == "a whole number, at least 1"
    assert allowed["tiles.size_px"] == "a whole number, at least 256 and at most 8192 and in multiples of 256"
    assert allowed["mask.use"] == "one of auto, off"
    assert allowed["products.keep_rejected"] == "true or false"
    assert all(allowed.values())


def test_settings_left_unset_are_printed_as_comments():
    assert "\n# path =\n" in to_toml(Settings())
    assert "path" not in tomllib.loads(to_toml(Settings()))["aoi"]


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(
    files=st.dictionaries(st.sampled_from(["green", "nir", "scl"]), words),
    offset=st.none() | numbers,
    scale=st.none() | numbers.filter(lambda number: number > 0),
    acquired=st.none() | st.datetimes(timezones=st.just(UTC)),
    distance=st.floats(min_value=1e-300, max_value=1e300),
    crs=st.none() | words,
)
def test_any_settings_read_back_as_they_were_printed(files, offset, scale, acquired, distance, crs):
    inputs = InputSettings(band_files=files, offset=offset, scale=scale, acquired=acquired, bands=("nir", "-", "blue"))
    settings = Settings(input=inputs, sites=SiteSettings(distance_m=distance))
    settings = settings.model_copy(update={"products": settings.products.model_copy(update={"crs": crs})})
    assert Settings.model_validate(tomllib.loads(to_toml(settings))) == settings


def test_later_layers_win_and_leave_the_rest(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[sites]\ndistance_m = 300\nmin_ponds = 3\n", encoding="utf-8")
    settings = load_settings([read_layer(path), assignment_layer(["sites.min_ponds=4"])])
    assert settings.sites == SiteSettings(distance_m=300.0, min_ponds=4)
    assert settings.pond == PondSettings()


def test_an_unknown_setting_names_the_nearest(tmp_path):
    path = tmp_path / "mine.toml"
    assert refusal_of(tmp_path, "[detect]\nmin_fractoin = 0.2\n") == (
        f"{path}: there is no setting detect.min_fractoin, the nearest is detect.min_fraction "
        "(`pondscan config` prints all of them)"
    )


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("[detekt]\nmin_fraction = 0.2\n", "detect.min_fraction"),
        ("[detect]\nmin_confidence = 0.2\n", "confidence.min_confidence"),
        ("[pond]\nmin_area_m2 = 0.2\n", "pond.min_diameter_m"),
        ("distance_m = 200\n", "sites.distance_m"),
        ("[sitess]\n", "sites.min_ponds"),
    ],
)
def test_the_nearest_setting_may_be_in_another_section(tmp_path, text, nearest):
    assert f"the nearest is {nearest} " in refusal_of(tmp_path, text)


def test_a_wrong_value_names_setting_value_and_what_is_allowed(tmp_path):
    path = tmp_path / "mine.toml"
    assert refusal_of(tmp_path, "[detect]\nmin_fraction = 22\n") == (
        f"{path}: detect.min_fraction = 22 is not allowed, it must be a number, above 0 and below 1"
    )


@pytest.mark.parametrize(
    "text",
    [
        "[mask]\ndilation_m = true\n",
        "[mask]\ndilation_m = '40'\n",
        "[mask]\ndilation_m = inf\n",
        "[mask]\nclasses = ['cloud', 'fog']\n",
        "[mask]\nuse = 'on'\n",
        "[sites]\nmin_ponds = 2.5\n",
        "[products]\nkeep_rejected = 1\n",
        "[input]\nbands = ['blue', 'grun']\n",
        "[input]\nbands = ['blue', 'blue']\n",
        "[input]\nband_files = { grun = '_B03' }\n",
        "[input]\nacquired = 'yesterday'\n",
        "[tiles]\nsize_px = 300\n",
    ],
)
def test_values_are_taken_strictly(tmp_path, text):
    assert "is not allowed" in refusal_of(tmp_path, text)


def test_sizes_out_of_order_are_refused_together(tmp_path):
    refusal = refusal_of(tmp_path, "[pond]\nmin_diameter_m = 100\n")
    assert refusal.endswith("min_diameter_m = 100 must be below max_diameter_m = 90")


def test_sizes_may_be_moved_together():
    layer = assignment_layer(["pond.min_diameter_m=100", "pond.max_diameter_m=200"])
    assert load_settings([layer]).pond == PondSettings(min_diameter_m=100, max_diameter_m=200)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"[sites\n", "this is not TOML"), (b"\xff\xfe", "it is not UTF-8 text")],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path, content, reason):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as caught:
        read_layer(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ConfigError, match="no such configuration file, `pondscan config` prints one"):
        read_layer(tmp_path / "none.toml")


def test_a_folder_is_no_configuration_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_layer(tmp_path)


@pytest.mark.parametrize(
    ("assignment", "key", "value"),
    [
        ("sites.distance_m=300", "sites.distance_m", 300.0),
        (" sites.distance_m = 300 ", "sites.distance_m", 300.0),
        ("confidence.target=small_water", "confidence.target", "small_water"),
        ("confidence.target='small_water'", "confidence.target", "small_water"),
        ("mask.classes=cloud, shadow", "mask.classes", ("cloud", "shadow")),
        ("mask.classes=['cloud']", "mask.classes", ("cloud",)),
        ("mask.classes=[]", "mask.classes", ()),
        ("products.keep_rejected=true", "products.keep_rejected", True),
        ("products.crs=EPSG:32647", "products.crs", "EPSG:32647"),
        ("input.band_files={green='_B03'}", "input.band_files", {"green": "_B03"}),
        ("input.acquired=2019-04-16", "input.acquired", datetime(2019, 4, 16, tzinfo=UTC)),
        ("input.acquired=20190416T101112", "input.acquired", datetime(2019, 4, 16, 10, 11, 12, tzinfo=UTC)),
        ("input.acquired=2019-04-16T10:00:00+07:00", "input.acquired", datetime(2019, 4, 16, 3, tzinfo=UTC)),
        ("confidence.expected_ponds_per_km2=", "confidence.expected_ponds_per_km2", None),
        ("sites.distance_m=", "sites.distance_m", 200.0),
    ],
)
def test_assignments_are_read_as_the_setting_asks(assignment, key, value):
    section, name = key.split(".")
    settings = load_settings([assignment_layer([assignment])])
    assert getattr(getattr(settings, section), name) == value


def test_assignments_are_refused_by_name():
    assert set_refusal("sites.distance=3").startswith(
        "--set sites.distance=3: there is no setting sites.distance, the nearest is sites.distance_m"
    )
    assert set_refusal("sites.distance_m=far") == (
        '--set: sites.distance_m = "far" is not allowed, it must be a number, above 0'
    )
    assert set_refusal("sites.distance_m") == (
        "--set sites.distance_m: write it as section.key=VALUE, for instance sites.distance_m=300"
    )


def test_an_option_is_refused_by_its_own_name():
    with pytest.raises(ConfigError, match=r"^--bands: input.bands = \[\"blue\", \"grun\"\] is not allowed"):
        load_settings([option_layer("--bands", "input.bands", "blue,grun")])


def test_files_are_relative_to_the_file_that_names_them(tmp_path):
    (tmp_path / "deep").mkdir()
    path = tmp_path / "deep" / "mine.toml"
    path.write_text("[aoi]\npath = 'area.geojson'\n", encoding="utf-8")
    assert load_settings([read_layer(path)]).aoi.path == str(tmp_path / "deep" / "area.geojson")


def test_files_on_the_command_line_are_relative_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layers = [option_layer("--aoi", "aoi.path", "area.geojson")]
    assert load_settings(layers).aoi.path == str(tmp_path / "area.geojson")


def test_absolute_files_stay_as_they_are(tmp_path):
    area = tmp_path / "area.geojson"
    assert load_settings([option_layer("--aoi", "aoi.path", str(area))]).aoi.path == str(area)


def test_differences_name_setting_and_both_values():
    changed = load_settings([assignment_layer(["sites.distance_m=300", "products.crs=EPSG:32647"])])
    assert differences(Settings(), changed) == [
        "sites.distance_m: 200.0 → 300.0",
        'products.crs: not set → "EPSG:32647"',
    ]
    assert differences(changed, changed) == []


@given(st.text(string.printable, max_size=40))
def test_any_assignment_is_refused_or_gives_settings_that_read_back(text):
    for assignment in (text, f"sites.distance_m={text}", f"input.bands={text}", f"products.crs={text}"):
        try:
            settings = load_settings([assignment_layer([assignment])])
        except ConfigError:
            continue
        assert Settings.model_validate(tomllib.loads(to_toml(settings))) == settings


RIVERS = "[context]\nevents = ['events.csv']\n\n[[context.layers]]\nname = 'rivers'\npath = 'rivers.gpkg'\n"


def test_arrays_of_tables_are_read_and_their_files_are_relative_to_the_file_that_names_them(tmp_path):
    context = settings_of(tmp_path, RIVERS).context
    assert context.events == (str(tmp_path / "events.csv"),)
    (rivers,) = context.layers
    assert (rivers.name, rivers.path, rivers.adds) == ("rivers", str(tmp_path / "rivers.gpkg"), ("distance",))
    assert settings_of(tmp_path, RIVERS).named_files == (str(tmp_path / "events.csv"), str(tmp_path / "rivers.gpkg"))


def test_arrays_of_tables_read_back_as_they_were_printed(tmp_path):
    text = RIVERS + "[[context.layers]]\nname = 'towns'\npath = 't.shp'\nadds = ['name', 'within']\nname_field = 'N'\n"
    settings = settings_of(tmp_path, text)
    assert settings_of(tmp_path, to_toml(settings)) == settings
    assert to_toml(settings).count("\n[[context.layers]]\n") == 2
    (told,) = [line for line in differences(Settings(), settings) if line.startswith("context.layers")]
    assert told.startswith('context.layers: [] → [{ "name" = "rivers", ')


def test_every_key_of_a_table_is_printed_with_its_meaning():
    printed = " ".join(to_toml(Settings()).replace("\n# ", " ").split())
    for setting in settings_in_tables().values():
        name = setting.key.rpartition(".")[2]
        assert " ".join(f"{name}: {setting.description} ({setting.allowed}; ".split()) in printed
    assert "(text in quotes; required)" in printed


LAYERS_ARE = "is not allowed, it must be tables that each set name, path"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = 'a'\npth = 'x'\n", "there is no setting context.layers.pth, the nearest is context.layers.path"),
        ("name = 'a'\n", "context.layers.path is not set in table 1 of [[context.layers]], it must be text"),
        ("name = 'A b'\npath = 'x'\n", 'context.layers.name = "A b" in table 1 of [[context.layers]] is not allowed'),
        ("name = 'A b'\npath = 'x'\n", "it must be text in quotes, in small letters, digits and _"),
        ("name = 'a'\npath = 'x'\nadds = ['depth']\n", "a list of words out of distance, name, within"),
        ("name = 'a'\npath = 'x'\nadds = []\n", "with at least one of them"),
        ("name = 'a'\npath = 'x'\nadds = ['name']\n", "needs name_field, the attribute that names the objects"),
        ("name = 'a'\npath = 'x'\nadds = ['within', 'within']\n", "adds names a column twice"),
        ("name = 'a'\npath = 'x'\n[[context.layers]]\nname = 'a'\npath = 'y'\n", "two layers are called 'a'"),
    ],
)
def test_a_wrong_layer_is_refused_by_key_and_table(tmp_path, text, words):
    assert words in refusal_of(tmp_path, "[[context.layers]]\n" + text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[context]\nlayers = 'rivers.gpkg'\n", f'context.layers = "rivers.gpkg" {LAYERS_ARE}'),
        ("[context]\nlayers = ['rivers.gpkg']\n", LAYERS_ARE),
        ("[context]\nevents = 'events.csv'\n", "is not allowed, it must be a list of words"),
        ("[contxt]\nevents = ['a']\n", "the nearest is context.events"),
    ],
)
def test_wrong_context_is_refused_by_name(tmp_path, text, words):
    assert words in refusal_of(tmp_path, text)
