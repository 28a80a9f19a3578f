"""Settings in and out of TOML: layers read one over the other, and printed with their descriptions.

Every refusal names the file or option, the setting, the value, and what is allowed or the nearest setting there is.
"""

from __future__ import annotations

import difflib
import json
import textwrap
import tomllib
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from pondscan.config import FILE_SETTINGS, Settings
from pondscan.errors import ConfigError

HEADER = """\
# pondscan settings. A line may be left out: what is not set has the default named above it.
# Use this file with `pondscan run INPUT... --out DIR --config FILE`, and test it with `pondscan check FILE`.
"""

MONITOR = "monitor"
"""A table of a configuration file that is no setting of the census: ``monitor.settings`` reads it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: where it stands, what it means, what it may be."""

    key: str
    """Section and name: ``sites.distance_m``; in an array of tables ``context.layers.path``."""
    description: str
    default: Any
    annotation: Any
    """Its type, without the None of a setting that may be left unset."""
    bounds: tuple[Any, ...]
    is_required: bool = False

    @property
    def allowed(self) -> str:
        """What the setting may be, in words that follow "it must be"."""
        return ", ".join(filter(None, (_type_in_words(self.annotation), _bounds_in_words(self.bounds))))

    @property
    def fields(self) -> dict[str, FieldInfo]:
        """What each of its tables may hold, where it is an array of tables; nothing where it is not."""
        return _fields_of_tables(self.annotation)


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one source, which errors name: a file, or the command line."""

    source: str
    values: dict[str, dict[str, Any]]


def all_settings() -> dict[str, Setting]:
    """Every setting there is, by key, in the order of the sections."""
    return {
        f"{section}.{name}": _setting(f"{section}.{name}", field)
        for section, fields in _sections()
        for name, field in fields.items()
    }


def settings_in_tables() -> dict[str, Setting]:
    """Every setting inside an array of tables, by key: ``context.layers.path``."""
    return {
        f"{key}.{name}": _setting(f"{key}.{name}", field)
        for key, setting in all_settings().items()
        for name, field in setting.fields.items()
    }


def load_settings(layers: Iterable[Layer]) -> Settings:
    """Lay settings over the defaults, later layers over earlier ones.

    Raises
    ------
    ConfigError
        On an unknown setting or a value that is not allowed, naming the layer it came from.
    """
    merged: dict[str, dict[str, Any]] = {}
    settings = Settings()
    for layer in layers:
        merged = _merged(merged, layer.values)
        try:
            settings = Settings.model_validate(merged, strict=True)
        except ValidationError as error:
            raise ConfigError(f"{layer.source}: {_explained(error.errors()[0])}") from None
    return settings


def read_layer(path: Path) -> Layer:
    """Read a TOML file; files it names are taken relative to its own folder. A table ``[monitor]`` is left alone.

    Raises
    ------
    ConfigError
        When it is missing, unreadable, not TOML, or holds something that is no setting.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file, `pondscan config` prints one to start from") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the configuration file cannot be read: {_reason(error)}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: this is not TOML: {error}") from None
    census = {section: content for section, content in values.items() if section != MONITOR}
    known = _known_values(census, source=str(path))
    return Layer(str(path), _files_resolved(known, path.parent))


def assignment_layer(assignments: Sequence[str]) -> Layer:
    """Read ``section.key=VALUE`` assignments; a VALUE is TOML, a bare word, or a comma-separated list.

    An empty VALUE sets the default again. Files are taken relative to the current folder.
    """
    layer = Layer("--set", {})
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {assignment}: write it as section.key=VALUE, for instance sites.distance_m=300")
        if key.strip() not in all_settings():
            raise ConfigError(f"--set {assignment}: {_no_such_setting(key.strip())}")
        layer = Layer("--set", _merged(layer.values, option_layer("--set", key.strip(), text).values))
    return layer


def option_layer(option: str, key: str, text: str) -> Layer:
    """Read the text of a command line option that stands for the setting ``key``."""
    section, name = key.split(".")
    value = _value_of(text.strip(), all_settings()[key])
    return Layer(option, _files_resolved({section: {name: value}}, Path.cwd()))


def to_toml(settings: Settings) -> str:
    """Print settings as TOML, each with its description, what is allowed, and the default.

    Reading the text back gives settings equal to these.
    """
    parts = [HEADER]
    for section, fields in _sections():
        values = getattr(settings, section)
        parts.append(f"\n# {_first_line(type(values).__doc__)}\n[{section}]\n")
        known = {name: _setting(f"{section}.{name}", field) for name, field in fields.items()}
        ordered = sorted(known, key=lambda name: bool(known[name].fields))  # TOML: tables come after plain values
        parts += [_printed(known[name], getattr(values, name)) for name in ordered]
    return "".join(parts)


def differences(old: Settings, new: Settings) -> list[str]:
    """Name the settings that differ: ``sites.distance_m: 200.0 → 300.0``."""
    pairs = ((key, _get(old, key), _get(new, key)) for key in all_settings())
    return [f"{key}: {_shown(before)} → {_shown(after)}" for key, before, after in pairs if repr(before) != repr(after)]


def _sections() -> Iterator[tuple[str, dict[str, FieldInfo]]]:
    for section, field in Settings.model_fields.items():
        yield section, field.annotation.model_fields  # type: ignore[union-attr]


def _setting(key: str, field: FieldInfo) -> Setting:
    default = field.get_default(call_default_factory=True)
    return Setting(
        key=key,
        description=field.description or "",
        default=None if default is PydanticUndefined else default,
        annotation=_without_none(field.annotation),
        bounds=tuple(field.metadata),
        is_required=field.is_required(),
    )


def _fields_of_tables(annotation: Any) -> dict[str, FieldInfo]:
    """Fields of the model that a tuple of models is made of; none for any other type."""
    arguments = get_args(annotation)
    is_array = get_origin(annotation) is tuple and isinstance(arguments[0], type)
    return arguments[0].model_fields if is_array and issubclass(arguments[0], BaseModel) else {}


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation


def _get(settings: Settings, key: str) -> Any:
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)


def _known_values(values: dict[str, Any], *, source: str) -> dict[str, dict[str, Any]]:
    """Check that a parsed file holds sections of known settings; lists become tuples, dates times."""
    known = all_settings()
    checked: dict[str, dict[str, Any]] = {}
    for section, content in values.items():
        if not isinstance(content, dict):
            raise ConfigError(f"{source}: {_no_such_setting(section)}")
        if section not in Settings.model_fields:
            keys = [f"{section}.{name}" for name in content] or [section]
            raise ConfigError(f"{source}: {_no_such_setting(keys[0])}")
        for name in content:
            if f"{section}.{name}" not in known:
                raise ConfigError(f"{source}: {_no_such_setting(f'{section}.{name}')}")
            _refuse_unknown_in_tables(known[f"{section}.{name}"], content[name], source=source)
        checked[section] = {name: _immutable(value) for name, value in content.items()}
    return checked


def _refuse_unknown_in_tables(setting: Setting, value: Any, *, source: str) -> None:
    """Refuse keys that the tables of an array do not know; the model refuses what is no array of tables."""
    tables = value if setting.fields and isinstance(value, list) else []
    for table in tables:
        unknown = [name for name in table if name not in setting.fields] if isinstance(table, dict) else []
        if unknown:
            raise ConfigError(f"{source}: {_no_such_setting(f'{setting.key}.{unknown[0]}')}")


def _immutable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_immutable(item) for item in value)
    if isinstance(value, dict):
        return {name: _immutable(item) for name, item in value.items()}
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value


def _merged(below: dict[str, dict[str, Any]], above: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {**below.get(name, {}), **above.get(name, {})} for name in {**below, **above}}


def _files_resolved(values: dict[str, dict[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    """Make the files that settings name absolute, so that they mean the same wherever the settings are kept."""
    resolved: Any = values
    for key in FILE_SETTINGS:
        resolved = _file_resolved(resolved, key.split("."), folder.absolute())
    return resolved  # type: ignore[no-any-return]


def _file_resolved(value: Any, names: Sequence[str], folder: Path) -> Any:
    """Make the file, or the files, below these names absolute; what is no text is left for the model to refuse."""
    if isinstance(value, tuple):
        return tuple(_file_resolved(item, names, folder) for item in value)
    if names:
        is_there = isinstance(value, dict) and names[0] in value
        return {**value, names[0]: _file_resolved(value[names[0]], names[1:], folder)} if is_there else value
    return str(folder / Path(value).expanduser()) if isinstance(value, str) else value


def _value_of(text: str, setting: Setting) -> Any:
    """Understand the VALUE of an assignment as the setting's type asks; the model refuses what does not fit."""
    if not text:
        return setting.default
    if setting.annotation is str or get_origin(setting.annotation) is Literal:
        return text.strip("'\"")
    if setting.annotation is datetime:
        return _time_or_text(text)
    try:
        return _immutable(tomllib.loads(f"value = {text}")["value"])
    except tomllib.TOMLDecodeError:
        if get_origin(setting.annotation) is tuple:
            return tuple(word.strip() for word in text.split(","))
        return text


def _time_or_text(text: str) -> datetime | str:
    """Understand any ISO 8601 time or date; what is none stays text, for the model to refuse."""
    try:
        return datetime.fromisoformat(text.strip("'\""))
    except ValueError:
        return text


def _explained(detail: ErrorDetails) -> str:
    """Say what is wrong with one setting: its name, the value, and what is allowed."""
    key, which = ".".join(str(part) for part in detail["loc"][:2]), ""
    if key in all_settings() and all_settings()[key].fields and len(detail["loc"]) > 3:
        key, which = f"{key}.{detail['loc'][3]}", f" in table {int(detail['loc'][2]) + 1} of [[{key}]]"
    setting = {**all_settings(), **settings_in_tables()}.get(key)
    own_words = detail["msg"].removeprefix("Value error, ")
    if setting is None:
        return f"[{key}] is wrong: {own_words}"
    if detail["type"] == "missing":
        return f"{key} is not set{which}, it must be {setting.allowed}"
    if detail["type"] == "value_error":
        return f"{key} = {_shown(detail['input'])}{which} is not allowed: {own_words}"
    return f"{key} = {_shown(detail['input'])}{which} is not allowed, it must be {setting.allowed}"


def _no_such_setting(key: str) -> str:
    """Say that a setting is unknown, and which known one is nearest: same name first, then like spelling."""
    known = [*all_settings(), *settings_in_tables()]
    name = key.rpartition(".")[2]
    same_section = [other for other in known if other.startswith(f"{key.rpartition('.')[0]}.")]
    names = {other.rpartition(".")[2]: other for other in [*known, *same_section]}
    alike = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    nearest = names[alike[0]] if alike else difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
    return f"there is no setting {key}, the nearest is {nearest} (`pondscan config` prints all of them)"


def _printed(setting: Setting, value: Any) -> str:
    if setting.fields:
        return _printed_tables(setting, value)
    name = setting.key.rpartition(".")[2]
    line = f"# {name} =" if value is None else f"{name} = {_toml(value)}"
    return f"\n{_about(setting)}{line}\n"


def _about(setting: Setting) -> str:
    return _commented(setting.description) + _commented(f"({_limits(setting)})")


def _limits(setting: Setting) -> str:
    default = "not set" if setting.default is None else _shown(setting.default)
    return f"{setting.allowed}; {'required' if setting.is_required else f'default: {default}'}"


def _printed_tables(setting: Setting, tables: Sequence[BaseModel]) -> str:
    """Print an array of tables below the meaning of its keys; where there is none, an empty one as a comment."""
    inside = {name: _setting(f"{setting.key}.{name}", field) for name, field in setting.fields.items()}
    about = f"\n{_commented(setting.description)}"
    about += "".join(_commented(f"{name}: {one.description} ({_limits(one)})") for name, one in inside.items())
    for table in tables:
        lines = [f"{name} = {_toml(value)}" for name, value in table if value is not None]
        about += "\n".join([f"\n[[{setting.key}]]", *lines, ""])
    if not tables:
        about += f"# [[{setting.key}]]\n" + "".join(f"# {name} =\n" for name in inside)
    return about


def _commented(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False) + "\n"


def _toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, dict | BaseModel):
        items = value.items() if isinstance(value, dict) else value
        pairs = ", ".join(f"{_quoted(key)} = {_toml(item)}" for key, item in items if item is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    return repr(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _shown(value: Any) -> str:
    return "not set" if value is None else _toml(value)


def _type_in_words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if _fields_of_tables(annotation):
        return "tables that each set " + ", ".join(_fields_of_tables(annotation))
    if origin is tuple:
        choices = get_args(arguments[0])
        return "a list of words" + (f" out of {', '.join(choices)}" if choices else "")
    if origin is dict:
        return "a table of words"
    return _PLAIN_TYPES[annotation]


_PLAIN_TYPES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    datetime: "a time such as 2024-02-17T04:12:00Z",
}


def _bounds_in_words(bounds: tuple[Any, ...]) -> str:
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most", "multiple_of": "in multiples of"}
    limits = [
        f"{word} {getattr(bound, name):g}" for bound in bounds for name, word in words.items() if hasattr(bound, name)
    ]
    limits += ["with at least one of them" for bound in bounds if getattr(bound, "min_length", 0)]
    limits += ["in small letters, digits and _" for bound in bounds if getattr(bound, "pattern", None)]
    return " and ".join(limits)


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
