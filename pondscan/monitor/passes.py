"""One pass: look at the folder, process what is new, tell what changed; and passes in a row."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pondscan import __version__
from pondscan.errors import InputError, PondscanError, WorkspaceBusyError
from pondscan.log import Log
from pondscan.monitor import alerts, deliver, rules, watch
from pondscan.monitor.alerts import Alert, moment
from pondscan.monitor.census import read_census
from pondscan.monitor.journal import NAME, Changes, FailedInput, Journal, Recorded
from pondscan.monitor.rules import Snapshot
from pondscan.monitor.settings import MonitorFile
from pondscan.monitor.watch import Arrivals
from pondscan.store import atomic
from pondscan.store.lock import writer_lock

if TYPE_CHECKING:
    from pondscan.summary import RunSummary

LOCK = ".pondscan-monitor.lock"
RUN = "run.json"
DAY_S = 86400.0


@dataclass(slots=True)
class PassReport:
    """What one pass did."""

    done: list[str] = field(default_factory=list)
    """Scenes processed, by scene_id."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Source and reason."""
    waiting: int = 0
    """Files that are still coming."""
    alerts: list[alerts.Feature] = field(default_factory=list)
    undelivered: list[str] = field(default_factory=list)
    exit_code: int = 0
    note: str = ""
    """Why nothing was done, where that needs saying."""


class Offer:
    """Tells the pipeline which products to pass over, and remembers which it was left to open.

    Parameters
    ----------
    held_back
        Files that are not taken: a product with any of them waits as a whole.
    known
        Files of products taken before: a product of nothing else is passed over.
    """

    def __init__(self, held_back: Iterable[str], known: Iterable[str] = ()) -> None:
        self._held_back, self._known = frozenset(held_back), frozenset(known)
        self.products: list[frozenset[str]] = []

    def of_these(self, products: Iterable[frozenset[str]]) -> Offer:
        """Offer some of the products that the pipeline was left to open, and pass over all others."""
        offered = frozenset[str]().union(*products)
        others = frozenset[str]().union(*self.products) - offered
        return Offer(self._held_back | others, self._known)

    def __call__(self, files: frozenset[str]) -> bool:
        """Whether the product of these files is passed over."""
        if files & self._held_back or files <= self._known:
            return True
        self.products.append(files)
        return False


@contextmanager
def only_monitor(out: Path) -> Iterator[None]:
    """Be the one monitor of a workspace, whose folder is made where it is not there.

    Raises
    ------
    WorkspaceBusyError
        When another one is at work.
    """
    atomic.make_folder(out)
    with writer_lock(out / LOCK):
        yield


def run_pass(file: MonitorFile, *, log: Log, clock: Callable[[], float] = time.time) -> PassReport:
    """Make one pass as the only monitor of the workspace.

    Raises
    ------
    PondscanError
        When the pass as a whole failed; what was due for delivery has been sent all the same.
    """
    ways = deliver.senders(file.monitor)
    one = _Pass(file, Journal(file.out / NAME), log, clock)
    try:
        one.work()
    except WorkspaceBusyError as error:
        one.report.note = str(error)
    except Exception as error:
        one.count_failure(error)
        one.tell(ways)
        raise
    one.tell(ways)
    if not one.report.note:
        one.count_success()
    return one.report


@dataclass
class _Pass:
    """One pass while it lasts."""

    file: MonitorFile
    journal: Journal
    log: Log
    clock: Callable[[], float]
    report: PassReport = field(default_factory=PassReport)

    def work(self) -> None:
        """Process what there is, and remember what it came to."""
        self.now = self.clock()
        self._recover()
        self.facts = self.journal.facts()
        self.failures = self.journal.failures()
        recorded = self.journal.files()
        arrivals = self._arrivals(recorded)
        self.report.waiting = len(arrivals.waiting)
        if self._are_settings_changed() and arrivals.known:
            self._take_known_again(arrivals, recorded)
        is_retry_due = any(one.next_at <= self.now for one in self.failures.values())
        if arrivals.new or is_retry_due or self._are_settings_changed() or self._are_products_changed():
            self._take(
                arrivals, recorded, Offer(arrivals.waiting, arrivals.known), is_told=self._are_settings_changed()
            )
        else:
            self.log("nothing new", verbosity=1, event="idle")
            self.journal.learn(Changes(files=self._newly_waiting(arrivals, recorded)))
        self._notice_silence()

    def _take_known_again(self, arrivals: Arrivals, recorded: Mapping[str, Recorded]) -> None:
        """Process what is known with other settings, apart from news: that is no event on the ground."""
        self.log("the settings changed: what is known is processed again, and what that changes raises no alert")
        only_known = replace(arrivals, new=frozenset())
        self._take(only_known, recorded, Offer(arrivals.new | arrivals.waiting.keys()), is_told=True)
        self.facts = self.journal.facts()

    def _recover(self) -> None:
        """Take over the alerts of a journal that was lost."""
        if not self.journal.exists and (earlier := alerts.read_geojson(self.file.out)):
            self.journal.adopt(earlier)

    def _arrivals(self, recorded: Mapping[str, Recorded]) -> Arrivals:
        monitor = self.file.monitor
        seen = watch.walk(self.file.folder, leave_out=self.file.out)
        return watch.sort_out(
            seen, recorded, now=self.now, settle_s=monitor.settle_s, incomplete_s=monitor.incomplete_s
        )

    @property
    def _settings_digest(self) -> str:
        """Stands for what products depend on beside the scenes; files that settings name count by size and time."""
        settings = self.file.settings.model_dump(mode="json", exclude={"tiles", "log", "storage"})
        stamps = [_stamp(Path(path)) for path in self.file.settings.named_files]
        text = json.dumps([__version__, settings, stamps], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _are_settings_changed(self) -> bool:
        return "census" in self.facts and self.facts.get("settings") != self._settings_digest

    def _are_products_changed(self) -> bool:
        """Whether someone else ran pondscan on the workspace, or a pass was killed between its run and its alerts."""
        return self.facts.get("run") != _stamp(self.file.out / RUN)

    def _newly_waiting(self, arrivals: Arrivals, recorded: Mapping[str, Recorded]) -> dict[str, Recorded]:
        """Files to be remembered as waiting: new ones, and those that changed since."""
        now = {path: Recorded(one.size, one.mtime_ns, "waiting", self.now) for path, one in arrivals.waiting_as_seen}
        return {path: one for path, one in now.items() if not one.is_as(recorded.get(path))}

    def _take(self, arrivals: Arrivals, recorded: Mapping[str, Recorded], offer: Offer, *, is_told: bool) -> None:
        """Run the pipeline on what is offered, then learn all that came of it at once.

        ``is_told`` takes what the products say for told, without an alert.
        """
        summary = self._run(offer)
        failed = {one.source: one.reason for one in summary.failed}
        lost = _files_of(failed, offer.products)
        changes = Changes(
            files=self._newly_waiting(arrivals, recorded),
            vanished=[path for path in recorded if path not in arrivals.seen],
        )
        for path in arrivals.new | arrivals.known | arrivals.failed:
            one = arrivals.seen[path]
            now = Recorded(one.size, one.mtime_ns, "failed" if path in lost else "known", self.now)
            if not now.is_as(recorded.get(path)):
                changes.files[path] = now
        self._learn_failures(changes, arrivals, offer, failed)
        if arrivals.new or "arrival" not in self.facts:
            changes.facts["arrival"] = self.now
        if (self.file.out / RUN).is_file():
            self._learn_census(changes, summary, is_told=is_told)
        self.journal.learn(changes)
        self._report(summary, changes)

    def _run(self, offer: Offer) -> RunSummary:
        """Run the pipeline; where one input stops all of them, give it the products in parts."""
        from pondscan.pipeline import run

        def take(products: Offer) -> RunSummary:
            return run([self.file.folder], self.file.out, self.file.settings, skip=products, log=self.log)

        try:
            return take(offer)
        except InputError:
            if not offer.products:
                raise
            return _in_parts(take, offer)

    def _learn_failures(self, changes: Changes, arrivals: Arrivals, offer: Offer, failed: Mapping[str, str]) -> None:
        rule, monitor = self.file.monitor.rules.failures, self.file.monitor
        for source, reason in failed.items():
            content = _content(_files_of([source], offer.products), arrivals)
            before = self.failures.get(source)
            attempts = before.attempts + 1 if before and before.content == content else 1
            next_at = self.now + min(monitor.retry_s * 2 ** (attempts - 1), max(DAY_S, monitor.retry_s))
            changes.failures.append(FailedInput(source, reason, attempts, content, next_at))
            if attempts >= rule.attempts and rule.tier != "off":
                words = f"{source} failed {attempts} times: {reason}"
                self._raise(changes, Alert("failures", rule.tier, words, source=f"{source} {content}"))
        for source in self.failures.keys() - failed.keys():
            if _files_of([source], offer.products) or not _is_there(source, arrivals):
                changes.mended.append(source)

    def _learn_census(self, changes: Changes, summary: RunSummary, *, is_told: bool) -> None:
        """Hold the products against what was told last, and take them down as told."""
        census, earlier = read_census(self.file.out), self.facts.get("census")
        is_first = earlier is None and self.file.monitor.baseline
        if is_first:
            self.log(f"first pass: the sites it found ({len(census.sites)}) are the baseline and raise no alert")
        if not (is_first or is_told):
            before = Snapshot.from_json(earlier) if earlier else Snapshot({}, {}, frozenset())
            for alert in rules.compare(before, census, self.file.monitor.rules):
                self._raise(changes, alert)
        stamp = _stamp(self.file.out / RUN)
        changes.facts |= {"census": Snapshot.of(census).to_json(), "settings": self._settings_digest, "run": stamp}
        if summary.done or summary.was_rebuilt:
            changes.facts["worked"] = self.now

    def _raise(self, changes: Changes, alert: Alert) -> None:
        if alert.alert_id in self.journal.raised([alert.alert_id]):
            return
        channels = tuple(name for name, one in self.file.monitor.channels.items() if one.takes(alert.tier))
        feature = alert.feature(moment(self.now))
        changes.alerts.append((feature, channels))

    def _notice_silence(self) -> None:
        rule, since = self.file.monitor.rules.nothing_arrived, self.journal.facts().get("arrival")
        if since is None:
            self.journal.learn(Changes(facts={"arrival": self.now}))
        elif rule.tier != "off" and self.now - since >= rule.days * DAY_S:
            words = f"Nothing new has come into {self.file.folder} for {rule.days:g} days, since {moment(since)}."
            changes = Changes()
            self._raise(changes, Alert("nothing_arrived", rule.tier, words, datetime=moment(since)))
            self.journal.learn(changes)
            self.report.alerts += [feature for feature, _ in changes.alerts]

    def _report(self, summary: RunSummary, changes: Changes) -> None:
        self.report.done += summary.done
        self.report.failed += [(one.source, one.reason) for one in summary.failed]
        self.report.alerts += [feature for feature, _ in changes.alerts]
        self.report.exit_code = max(self.report.exit_code, 3 if summary.failed else 0)
        if summary.failed and not (summary.done or summary.unchanged):
            self.report.exit_code = 1

    def count_success(self) -> None:
        """Forget failed passes; tell whoever watches the monitor that it is alive."""
        if self.facts.get("bad_passes"):
            self.journal.learn(Changes(facts={"bad_passes": None}))
        if self.file.monitor.heartbeat is not None:
            path = Path(self.file.monitor.heartbeat)
            with atomic.storage_errors(path):
                path.touch()
                os.utime(path, (self.now, self.now))

    def count_failure(self, error: Exception) -> None:
        """Remember that the pass failed, and raise the alarm when that repeats; a full disk may forbid even that."""
        try:
            bad = self.journal.facts().get("bad_passes") or {"count": 0, "since": self.clock()}
            bad |= {"count": bad["count"] + 1, "reason": str(error), "at": self.clock()}
            changes, rule = Changes(facts={"bad_passes": bad}), self.file.monitor.rules.failures
            self.now = self.clock()
            if bad["count"] >= rule.attempts and rule.tier != "off":
                words = f"{bad['count']} passes in a row failed since {moment(bad['since'])}: {error}"
                alert = Alert("failures", rule.tier, words, source="pass", datetime=moment(bad["since"]))
                self._raise(changes, alert)
            self.journal.learn(changes)
        except PondscanError as second:
            self.log(f"the failure cannot be remembered either: {second}")

    def tell(self, ways: dict[str, deliver.Sender]) -> None:
        """Bring the files up to date with the journal, and send what is due."""
        news = self.journal.unpublished()
        if news:
            alerts.publish(self.file.out, self.journal.alerts(), news)
            self.journal.published()
        self.report.undelivered = deliver.deliver(self.journal, ways, clock=self.clock)


def _in_parts(take: Callable[[Offer], RunSummary], offer: Offer) -> RunSummary:
    """Take what no run accepts as a whole by halves, and halves of halves, so that a bad product stops no other.

    One bad product among a thousand takes some ten runs more, not a thousand.
    """
    from pondscan.store.records import Failure

    summaries: list[RunSummary] = []
    refused: list[Failure] = []
    products = list(dict.fromkeys(offer.products))
    pending = [products[len(products) // 2 :], products[: len(products) // 2]]
    while pending:
        part = pending.pop()
        if not part:
            continue
        try:
            summaries.append(take(offer.of_these(part)))
        except InputError as error:
            if len(part) == 1:
                refused.append(Failure(min(part[0]), str(error)))
            else:
                pending += [part[len(part) // 2 :], part[: len(part) // 2]]
    if not summaries:
        raise InputError(f"{refused[0].reason}")
    failed = [one for summary in summaries for one in summary.failed]
    done = [scene_id for summary in summaries for scene_id in summary.done]
    return replace(summaries[-1], failed=(*failed, *refused), done=tuple(done))


def _files_of(sources: Iterable[str], products: Iterable[frozenset[str]]) -> set[str]:
    """Files of the products that sources name: the source itself, what is below it, or what begins with it."""
    found: set[str] = set()
    named = tuple(sources)
    for product in products:
        if any(path.startswith(named) for path in product):
            found |= product
    return found


def _is_there(source: str, arrivals: Arrivals) -> bool:
    return any(path.startswith(source) for path in arrivals.seen)


def _content(files: Iterable[str], arrivals: Arrivals) -> str:
    """Stand for files as they are now, by size and time."""
    stamps = [(path, one.size, one.mtime_ns) for path in sorted(files) if (one := arrivals.seen.get(path))]
    return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()[:12]


def _stamp(path: Path) -> list[Any] | None:
    """Size and time of a file, None where it is not there."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return [status.st_size, status.st_mtime_ns]
