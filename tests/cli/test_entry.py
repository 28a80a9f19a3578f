"""What becomes of everything that can go wrong: one sentence on stderr, and the exit code that was promised."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
import warnings

import click
import pytest
from click.testing import CliRunner, Result

from pondscan.cli.entry import PondscanGroup, cli
from pondscan.cli.options import verbosity_options
from pondscan.cli.terminal import terminal_of
from pondscan.errors import ConfigError, InputError, WorkspaceError


@click.group(cls=PondscanGroup)
@verbosity_options
def troubled() -> None:
    """Fail in every way a command can fail."""


def fails_with(error: BaseException) -> Result:
    """Run a command that raises this error."""
    return CliRunner().invoke(_raising(error), ["fail"], prog_name="pondscan")


def _raising(error: BaseException) -> click.Group:
    group = PondscanGroup("pondscan", params=troubled.params)

    @group.command()
    @verbosity_options
    def fail() -> None:
        raise error

    return group


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (InputError("a.tif: this is no raster"), 1),
        (WorkspaceError("census: another run is writing"), 1),
        (ConfigError("mine.toml: there is no setting x.y"), 2),
    ],
)
def test_an_error_raised_on_purpose_is_its_own_sentence(error, exit_code):
    result = fails_with(error)
    assert result.exit_code == exit_code
    assert result.stderr == f"pondscan: {error}\n"
    assert not result.stdout


def test_an_error_of_the_system_names_the_file():
    result = fails_with(PermissionError(13, "Permission denied", "census/run.json"))
    assert (result.exit_code, result.stderr) == (1, "pondscan: census/run.json: Permission denied\n")


@pytest.mark.parametrize(("options", "n_lines"), [((), 0), (("-v",), 2)])
def test_what_libraries_log_and_warn_of_is_said_when_asked_for(options, n_lines):
    @click.command()
    @verbosity_options
    def talk() -> None:
        logging.getLogger("some.library").warning("no home\nfor a cache")
        warnings.warn("old-fashioned", UserWarning, stacklevel=1)

    group = PondscanGroup("pondscan", params=troubled.params, commands=[talk])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = CliRunner().invoke(group, ["talk", *options], prog_name="pondscan")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.count("\n") == n_lines
    assert ("some.library: no home for a cache\n" in result.stderr) == bool(n_lines)


def test_want_of_memory_names_the_remedy():
    result = fails_with(MemoryError())
    assert result.exit_code == 1
    assert "use fewer --workers" in result.stderr


def test_any_other_error_is_one_sentence_that_asks_for_a_report():
    result = fails_with(KeyError("nir"))
    assert result.exit_code == 1
    assert result.stderr.startswith("pondscan: this is a fault of pondscan ")
    assert "KeyError: 'nir'" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["-v", "fail"], ["fail", "-v"]])
def test_the_traceback_is_shown_when_it_is_asked_for(arguments):
    result = CliRunner().invoke(_raising(KeyError("nir")), arguments)
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr


def test_ctrl_c_leaves_with_130_and_a_sentence():
    result = fails_with(KeyboardInterrupt())
    assert result.exit_code == 130
    assert "pondscan: interrupted; what was finished is kept" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rn"], "pondscan: no such command 'rn', did you mean 'run'; see 'pondscan --help'\n"),
        (["config", "--jsn"], "pondscan: no such option '--jsn'; see 'pondscan config --help'\n"),
        (["run", "a.tif"], "pondscan: missing option '--out'; see 'pondscan run --help'\n"),
        (["run", "--out", "x"], "pondscan: missing argument 'INPUT...'; see 'pondscan run --help'\n"),
        (["config", "surplus"], "pondscan: got unexpected extra argument (surplus); see 'pondscan config --help'\n"),
        (
            ["-v", "config", "-q"],
            "pondscan: -v and -q contradict each other, give one of them; see 'pondscan config --help'\n",
        ),
    ],
)
def test_wrong_usage_is_one_sentence_that_points_to_the_help(arguments, sentence):
    result = CliRunner().invoke(cli, arguments, prog_name="pondscan")
    assert (result.exit_code, result.stderr) == (2, sentence)


def test_without_a_command_the_help_is_shown():
    result = CliRunner().invoke(cli, [], prog_name="pondscan")
    assert result.exit_code == 2
    assert "A first census:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "verbosity", "is_quiet"),
    [
        (["look"], 0, False),
        (["-v", "look"], 1, False),
        (["look", "-v"], 1, False),
        (["-v", "look", "-v"], 2, False),
        (["look", "-vv"], 2, False),
        (["-q", "look"], 0, True),
        (["look", "-q"], 0, True),
    ],
)
def test_v_and_q_mean_the_same_before_and_after_the_command(arguments, verbosity, is_quiet):
    seen = []
    group = PondscanGroup("pondscan", params=troubled.params)

    @group.command()
    @verbosity_options
    @click.pass_context
    def look(ctx: click.Context) -> None:
        seen.append((terminal_of(ctx).verbosity, terminal_of(ctx).is_quiet))

    assert CliRunner().invoke(group, arguments).exit_code == 0
    assert seen == [(verbosity, is_quiet)]


def test_every_command_says_what_it_does_with_an_example_and_its_exit_codes():
    for name, command in cli.commands.items():
        result = CliRunner().invoke(cli, [name, "--help"], prog_name="pondscan")
        assert result.exit_code == 0
        assert command.help, name
        assert f"pondscan {name} " in result.stdout.partition("Options:")[2], name
        assert "Exit codes: 0" in result.stdout, name


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m pondscan config | head -n 1"
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert answer.stdout.startswith("# pondscan settings")
    assert not answer.stderr


def test_a_reader_that_is_gone_before_the_first_line_leaves_no_traceback():
    with subprocess.Popen(
        [sys.executable, "-m", "pondscan", "config"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert not process.stderr.read()
        assert process.wait() == 141


def test_an_interrupt_from_the_keyboard_ends_the_process_with_130():
    program = (
        "import click, time\nfrom pondscan.cli.entry import PondscanGroup\ngroup = PondscanGroup('pondscan')\n"
        "@group.command()\ndef wait():\n    print('waiting', flush=True)\n    time.sleep(60)\n"
        "group.main(['wait'])"
    )
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert "pondscan: interrupted" in process.stderr.read()
        assert process.wait() == 130


def test_the_process_is_left_with_its_code_once_everything_is_said():
    program = """
from threading import Thread
from time import sleep
from pondscan.cli.process import leave
Thread(target=lambda: sleep(60)).start()  # nobody waits for it
print("said", end="")
leave(3)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)  # noqa: S603
    assert (answer.stdout, answer.stderr, answer.returncode) == ("said", "", 3)
