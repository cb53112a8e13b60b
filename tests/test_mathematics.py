"""The page of mathematics has every equation that code cites, and no other."""

import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "mathematics.md").read_text()
TAGS = re.findall(r"\\tag\{(\d+)\}", PAGE)

PROSE = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
SPAN = r"\d{1,3}(?:-\d{1,3})?"
# (36), (7, 77-79): after a space or at the start, so no call and no power
NUMBERED = re.compile(rf"(?<![^\s\"'])\(({SPAN}(?:, {SPAN})*)\)")
NAMED = re.compile(r"equations? (\d+(?:(?:, | and )\d+)*)", re.IGNORECASE)
PARTS = re.compile(r"(?:algorithm|code|section) \d+(?:\.\d+)+", re.IGNORECASE)
# of doctests, where (2, 1) is a shape
EXAMPLES = re.compile(r"^\s*>>>.*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)


def prose(path):
    """Yield the comments and the strings, docstrings among them, of a file, but no examples."""
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type in PROSE:
                yield " ".join(EXAMPLES.sub("", token.string).split())


def equations(text):
    """Return the numbers of the equations that a text cites."""
    cited = set()
    for spans in NUMBERED.findall(text) + NAMED.findall(text):
        for span in re.split(", | and ", spans):
            first, _, last = span.partition("-")
            cited.update(range(int(first), int(last or first) + 1))
    return cited


FILES = [*(ROOT / "mlp_fast").rglob("*.py"), ROOT / "tests" / "test_reference.py"]
CITED = {path.relative_to(ROOT).as_posix(): [*prose(path)] for path in FILES}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("the errors (36), then (7, 77-79)", {36, 7, 77, 78, 79}),
        ('"(46)"', {46}),
        ("(38, 39)", {38, 39}),
        ("Worked out with equations 2, 50 and 4.", {2, 50, 4}),
        ("k log(2), f(x)(3), a (1 - a), 2^(4), shape (n_in + 1, n_out), A^(l), [8](9)", set()),
    ],
)
def test_what_cites_an_equation(text, numbers):
    assert equations(text) == numbers


def test_every_equation_that_is_cited_is_on_the_page():
    cited = {file: set().union(*map(equations, texts)) for file, texts in CITED.items()}
    missing = {file: sorted(found - set(map(int, TAGS))) for file, found in cited.items()}
    assert {file: numbers for file, numbers in missing.items() if numbers} == {}
    assert len(set().union(*cited.values())) > 40  # that the pattern still finds citations at all


def test_every_part_of_the_tutorial_that_is_cited_is_on_the_page():
    cited = {
        part.lower() for texts in CITED.values() for text in texts for part in PARTS.findall(text)
    }
    assert {"algorithm 2.4.1", "code 2.6", "section 2.5"} <= cited
    assert [part for part in sorted(cited) if part not in PAGE.lower()] == []


def test_no_equation_is_there_twice_or_for_nobody():
    assert len(TAGS) == len(set(TAGS))
    used = equations(" ".join(PAGE.split())).union(
        *(equations(text) for texts in CITED.values() for text in texts)
    )
    assert [tag for tag in TAGS if int(tag) not in used] == []
