"""The words of a command line, before Hydra sees them; tests/test_mistakes has those refused."""

import pytest

from autoencoder.commandline.words import left_to_runs, ordered


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("name=x -m model=a,b", "name=x model=a,b -m"),
        ("-m name=x --cfg job seed=0,1 --resolve", "name=x seed=0,1 -m --cfg job --resolve"),
        ("--config-dir there name=x -cn=other a=1", "name=x a=1 --config-dir there -cn=other"),
        ("--info name=x", "name=x --info"),
        ("--info defaults name=x", "name=x --info defaults"),
        ("~callbacks.samples +a=1 ++b=2 --help", "~callbacks.samples +a=1 ++b=2 --help"),
        ("hydra.mode=MULTIRUN seed=range(0,3)", "hydra.mode=MULTIRUN seed=range(0,3)"),
    ],
)
def test_flags_may_stand_anywhere(typed: str, read: str) -> None:
    assert ordered(typed.split()) == read.split()


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("run=outputs/lr=0.1", "run='outputs/lr=0.1'"),
        ("run=outputs/2026", "run=outputs/2026"),
        ("run=2026", "run='2026'"),
        ("run=null", "run=null"),
        ("run=a,b", "run=a,b"),
        ("name='a'", "name='a'"),
        ("seed=007", "seed=007"),
        ("name=${now:%S}", "name=${now:%S}"),
    ],
)
def test_names_and_paths_are_texts_whatever_they_look_like(typed: str, read: str) -> None:
    assert ordered([typed]) == [read]


def test_words_with_spaces_stay_whole() -> None:
    space = "optimizer.lr=tag(log, interval(1e-4, 1e-2))"
    assert ordered(["-m", space, "a=[1, 2]"]) == [space, "a=[1, 2]", "-m"]


@pytest.mark.parametrize(
    ("typed", "unknown", "left"),
    [
        ("a=1 model.b=8 -m", "model.b", "a=1 model.b=choice(8) -m"),
        ("hydra.mode=MULTIRUN m.b=[8,1]", "m.b", "hydra.mode=MULTIRUN m.b=choice([8,1])"),
        ("model/kind=x --multirun", "model/kind", "model/kind=choice(x) --multirun"),
        ("model/kind=x --multirun", "model.kind", "model/kind=choice(x) --multirun"),
    ],
)
def test_what_a_sweep_does_not_know_is_left_to_its_runs(
    typed: str, unknown: str, left: str
) -> None:
    error = f"Could not override '{unknown}'.\nTo append to your config use +{unknown}"
    assert left_to_runs(typed.split(), error) == left.split()


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("model.b=8", "Could not override 'model.b'."),  # no sweep
        ("model.b=choice(8) -m", "Could not override 'model.b'."),  # its runs don't know it either
        ("model.b=8 -m", "Could not override 'b'."),
        ("model.b=8 -m", "In 'train': something else"),
    ],
)
def test_no_other_word_is_left_to_the_runs(typed: str, error: str) -> None:
    assert left_to_runs(typed.split(), error) is None
