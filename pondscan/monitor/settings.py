"""The ``[monitor]`` table of a configuration file; everything else in the file is settings of the census."""

from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from pondscan.config import Section, Settings
from pondscan.configfile import MONITOR, load_settings, read_layer
from pondscan.errors import ConfigError

Tier = Literal["watch", "warning", "critical"]
TIERS: tuple[Tier, ...] = ("watch", "warning", "critical")


class Rule(Section):
    """What one rule does when it holds."""

    tier: Literal["watch", "warning", "critical", "off"] = Field("watch", description="How urgent; off = never raised.")


class NewPondsRule(Rule):
    """Ponds at a known site, on ground that an earlier look saw clear without them."""

    min_ponds: int = Field(1, ge=1, description="Fewer new ponds at a site than this raise nothing.")


class GrowthRule(Rule):
    """Liquid area of a site grows from one whole look to the next of the same sensor."""

    percent_per_30_days: float = Field(25.0, gt=0, description="Least growth, percent in 30 days.")
    min_sigmas: float = Field(1.0, ge=0, description="Least growth in standard deviations of the difference.")
    min_days: float = Field(10.0, gt=0, description="Looks nearer in time than this are not compared.")
    min_observed_fraction: float = Field(0.9, gt=0, le=1, description="Share of the site both looks must have seen.")


class SilenceRule(Rule):
    """Nothing new has come into the folder."""

    days: float = Field(30.0, gt=0, description="Days without anything new.")


class FailuresRule(Rule):
    """One input, or the pass as a whole, keeps failing."""

    attempts: int = Field(3, ge=1, description="Failures of one input, or failed passes in a row.")


class Rules(Section):
    """When an alert is raised."""

    new_site: Rule = Field(Rule(tier="warning"), description="A site where an earlier clear look saw none.")
    found_site: Rule = Field(
        Rule(tier="watch"), description="A site on ground that no look had seen clear before: new to the census only."
    )
    new_ponds: NewPondsRule = Field(NewPondsRule(tier="watch"), description="New ponds at a known site.")
    growth: GrowthRule = Field(GrowthRule(tier="warning"), description="Liquid area grows faster than a rate.")
    reactivation: Rule = Field(Rule(tier="critical"), description="A site that was gone holds liquid again.")
    abandonment: Rule = Field(Rule(tier="watch"), description="A site is gone: enough clear looks without liquid.")
    covered: Rule = Field(Rule(tier="watch"), description="A site's ponds have come under sheets.")
    nothing_arrived: SilenceRule = Field(SilenceRule(tier="warning"), description="Nothing new came for so many days.")
    failures: FailuresRule = Field(FailuresRule(tier="critical"), description="An input, or the pass, keeps failing.")


class Channel(Section):
    """What ways of delivery share."""

    min_tier: Tier = Field("watch", description="Alerts below this tier are not sent this way.")

    def takes(self, tier: str) -> bool:
        """Whether an alert of this tier is sent this way."""
        return TIERS.index(tier) >= TIERS.index(self.min_tier)


class CommandChannel(Channel):
    """A program that is given each alert as JSON on its standard input; no shell is between."""

    run: list[str] = Field(min_length=1, description="The program and its arguments.")
    timeout_s: float = Field(60.0, gt=0, le=3600, description="Seconds until it is ended and tried again later.")


class WebhookChannel(Channel):
    """An address each alert is posted to as JSON. Secrets come from environment variables, never from the file."""

    url: str | None = Field(None, description="https address; http only to this machine itself.")
    url_env: str | None = Field(None, description="Environment variable with the address, where it is a secret.")
    token_env: str | None = Field(None, description="Environment variable with the token sent as `Bearer`.")
    timeout_s: float = Field(10.0, gt=0, le=600, description="Seconds until a slow receiver is given up.")
    attempts: int = Field(3, ge=1, le=10, description="Attempts in one pass; then the next passes go on.")
    backoff_s: float = Field(1.0, ge=0, le=60, description="Pause after the first attempt, doubled after each.")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str | None) -> str | None:
        if url is not None:
            _refuse_unsafe(url)
        return url

    @model_validator(mode="after")
    def _one_address(self) -> WebhookChannel:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("give either url or url_env")
        return self

    @property
    def address(self) -> str:
        """Where to post to.

        Raises
        ------
        ConfigError
            When the environment does not hold it, or it is no https address.
        """
        if self.url is not None:
            return self.url
        address = _from_environment("monitor.webhook.url_env", self.url_env or "")
        try:
            _refuse_unsafe(address)
        except ValueError as error:
            raise ConfigError(f"environment variable {self.url_env} (monitor.webhook.url_env): {error}") from None
        return address

    @property
    def token(self) -> str | None:
        """Token of the receiver, None where none is asked for.

        Raises
        ------
        ConfigError
            When the environment does not hold it.
        """
        if self.token_env is None:
            return None
        token = _from_environment("monitor.webhook.token_env", self.token_env)
        if not token.isascii() or not token.isprintable():
            raise ConfigError(f"environment variable {self.token_env} (monitor.webhook.token_env) is no plain text")
        return token


class MonitorSettings(Section):
    """What is watched, and who is told."""

    folder: str = Field(description="Folder that scenes come into; relative to the configuration file.")
    out: str = Field(description="Workspace that is kept up to date; relative to the configuration file.")
    interval_s: float = Field(900.0, ge=1, description="Seconds between passes, without --once.")
    settle_s: float = Field(60.0, ge=0, description="Seconds a file must be unchanged before it is taken.")
    incomplete_s: float = Field(
        21600.0,
        ge=0,
        description="Seconds after its last change that a SAFE or archive which is visibly not whole is waited for.",
    )
    retry_s: float = Field(
        3600.0, ge=0, description="Seconds until what failed is tried again, doubled each time up to a day."
    )
    heartbeat: str | None = Field(
        None, description="File outside the workspace that every good pass touches, idle ones too."
    )
    baseline: bool = Field(
        True, description="What the first pass finds is the baseline and raises no alert; false: all of it is news."
    )
    rules: Rules = Field(default_factory=Rules)
    command: CommandChannel | None = None
    webhook: WebhookChannel | None = None

    @property
    def channels(self) -> dict[str, Channel]:
        """Ways of delivery that are asked for, by name."""
        both = {"command": self.command, "webhook": self.webhook}
        return {name: channel for name, channel in both.items() if channel is not None}


@dataclass(frozen=True, slots=True)
class MonitorFile:
    """One configuration file: what is watched, and the settings its scenes are processed with."""

    path: Path
    monitor: MonitorSettings
    settings: Settings

    @property
    def folder(self) -> Path:
        """The folder that is watched."""
        return Path(self.monitor.folder)

    @property
    def out(self) -> Path:
        """The workspace."""
        return Path(self.monitor.out)


def read_monitor_file(path: Path) -> MonitorFile:
    """Read a configuration file with a ``[monitor]`` table.

    Raises
    ------
    ConfigError
        When it cannot be read, has no such table, or anything in it is not allowed.
    """
    settings = load_settings([read_layer(path)])
    table = tomllib.loads(path.read_text(encoding="utf-8")).get(MONITOR)
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: there is no [monitor] table, which names the folder to watch and the workspace")
    try:
        monitor = MonitorSettings.model_validate(table, strict=True)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explained(error.errors()[0])}") from None
    return MonitorFile(path, _resolved(monitor, path.absolute().parent), settings)


def has_monitor(path: Path) -> bool:
    """Whether a (readable) configuration file has a ``[monitor]`` table."""
    return MONITOR in tomllib.loads(path.read_text(encoding="utf-8"))


def _resolved(monitor: MonitorSettings, base: Path) -> MonitorSettings:
    """Make paths absolute, taken relative to the file that names them."""
    named = {name: value for name in ("folder", "out", "heartbeat") if (value := getattr(monitor, name)) is not None}
    absolute = {name: str((base / Path(value).expanduser()).resolve()) for name, value in named.items()}
    return monitor.model_copy(update=absolute)


def _refuse_unsafe(url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("an address must not hold a password, use token_env or url_env")
    if not parts.hostname or parts.scheme not in {"https", "http"}:
        raise ValueError("it must be an address that begins with https://")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http sends alerts and tokens in the clear, use https")


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_environment(key: str, name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigError(f"environment variable {name} ({key}) is not set: set it for the process of the monitor")
    return value


def _explained(detail: ErrorDetails) -> str:
    """Say what is wrong in ``[monitor]``: the setting, the value, and what is allowed."""
    location = [str(part) for part in detail["loc"]]
    key = ".".join((MONITOR, *location))
    if detail["type"] == "extra_forbidden":
        known = sorted(_keys(MonitorSettings, (MONITOR,)))
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
        return f"there is no setting {key}, the nearest is {nearest}"
    if detail["type"] == "missing":
        return f"{key} is not set"
    words = detail["msg"].removeprefix("Value error, ").replace("Input should be", "it must be")
    if detail["type"] == "value_error" and isinstance(detail["input"], dict):
        return f"{key}: {words}"
    shown = "a table" if isinstance(detail["input"], dict) else repr(detail["input"])
    return f"{key} = {shown} is not allowed: {words}"


def _keys(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """Every key below a model, such as ``monitor.rules.growth.min_days``."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner = _model_of(field.annotation)
        found += _keys(inner, (*path, name)) if inner else [".".join((*path, name))]
    return found


def _model_of(annotation: Any) -> type[BaseModel] | None:
    kinds = (annotation, *getattr(annotation, "__args__", ()))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
