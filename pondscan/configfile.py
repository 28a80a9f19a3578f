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

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

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
    """Section and name: ``sites.distance_m``."""
    description: str
    default: Any
    annotation: Any
    """Its type, without the None of a setting that may be left unset."""
    bounds: tuple[Any, ...]

    @property
    def allowed(self) -> str:
        """What the setting may be, in words that follow "it must be"."""
        return ", ".join(filter(None, (_type_in_words(self.annotation), _bounds_in_words(self.bounds))))


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
        parts += [
            _printed(_setting(f"{section}.{name}", field), getattr(values, name)) for name, field in fields.items()
        ]
    return "".join(parts)


def differences(old: Settings, new: Settings) -> list[str]:
    """Name the settings that differ: ``sites.distance_m: 200.0 → 300.0``."""
    pairs = ((key, _get(old, key), _get(new, key)) for key in all_settings())
    return [f"{key}: {_shown(before)} → {_shown(after)}" for key, before, after in pairs if repr(before) != repr(after)]


def _sections() -> Iterator[tuple[str, dict[str, FieldInfo]]]:
    for section, field in Settings.model_fields.items():
        yield section, field.annotation.model_fields  # type: ignore[union-attr]


def _setting(key: str, field: FieldInfo) -> Setting:
    return Setting(
        key=key,
        description=field.description or "",
        default=field.get_default(call_default_factory=True),
        annotation=_without_none(field.annotation),
        bounds=tuple(field.metadata),
    )


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
        checked[section] = {name: _immutable(value) for name, value in content.items()}
    return checked


def _immutable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value


def _merged(below: dict[str, dict[str, Any]], above: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {**below.get(name, {}), **above.get(name, {})} for name in {**below, **above}}


def _files_resolved(values: dict[str, dict[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    """Make the files that settings name absolute, so that they mean the same wherever the settings are kept."""
    resolved = {section: dict(content) for section, content in values.items()}
    for key in FILE_SETTINGS:
        section, name = key.split(".")
        value = resolved.get(section, {}).get(name)
        if isinstance(value, str):
            resolved[section][name] = str(folder.absolute() / Path(value).expanduser())
    return resolved


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
    key = ".".join(str(part) for part in detail["loc"][:2])
    setting = all_settings().get(key)
    own_words = detail["msg"].removeprefix("Value error, ")
    if setting is None:
        return f"[{key}] is wrong: {own_words}"
    if detail["type"] == "value_error":
        return f"{key} = {_shown(detail['input'])} is not allowed: {own_words}"
    return f"{key} = {_shown(detail['input'])} is not allowed, it must be {setting.allowed}"


def _no_such_setting(key: str) -> str:
    """Say that a setting is unknown, and which known one is nearest: same name first, then like spelling."""
    known = list(all_settings())
    name = key.rpartition(".")[2]
    same_section = [other for other in known if other.startswith(f"{key.partition('.')[0]}.")]
    names = {other.rpartition(".")[2]: other for other in [*known, *same_section]}
    alike = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    nearest = names[alike[0]] if alike else difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
    return f"there is no setting {key}, the nearest is {nearest} (`pondscan config` prints all of them)"


def _printed(setting: Setting, value: Any) -> str:
    name = setting.key.rpartition(".")[2]
    default = "not set" if setting.default is None else _shown(setting.default)
    line = f"# {name} =" if value is None else f"{name} = {_toml(value)}"
    about = _commented(setting.description) + _commented(f"({setting.allowed}; default: {default})")
    return f"\n{about}{line}\n"


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
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_quoted(key)} = {_toml(item)}" for key, item in value.items())
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
    return " and ".join(limits)


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
