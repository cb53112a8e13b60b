"""README's table and chart, from the comparison's page: python asv_bench/readme.py."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

BENCH = Path(__file__).parent
README, PAGE, CHART = BENCH.parent / "README.md", BENCH / "comparison.md", BENCH / "comparison.svg"
DTYPE = "float32"
BEGIN, END = "<!-- what asv_bench/readme.py writes -->\n", "<!-- to here -->\n"
NONE = "–"


@dataclass
class Workload:
    """A line of the comparison, for one dtype."""

    group: str
    name: str
    speed: str
    ratios: dict[str, str]  # by peer, as the page rounds them; without those that cannot do it


def workloads(page: str, dtype: str = DTYPE) -> list[Workload]:
    """Return the lines of a page that report.py wrote."""
    table = [line[2:-2].split(" | ") for line in page.splitlines() if line.startswith("| ")]
    titles = table[0]
    found = []
    for cells in table:
        if cells[1] == dtype:
            group, _, name = cells[0].partition(": ")
            columns = zip(titles, cells, strict=True)
            ratios = {t[2:]: cell.split()[0] for t, cell in columns if t.startswith("× ")}
            ratios = {peer: ratio for peer, ratio in ratios.items() if ratio != NONE}
            found.append(Workload(group, name, cells[2], ratios))
    return found


def number(ratio: str) -> float:
    """Return how many times as fast as a peer `mlp_fast` is."""
    return float(ratio.replace(",", ""))


def table(lines: list[Workload]) -> str:
    """Return a line for each workload under one for its group, what is lost in bold."""
    peers = list(dict.fromkeys(peer for line in lines for peer in line.ratios))
    rows = [[f"workload, {DTYPE}", "mlp_fast", *peers], ["---", *["--:"] * (1 + len(peers))]]
    for group, members in groupby(lines, key=lambda line: line.group):
        rows.append([f"**{group}**", *[""] * (1 + len(peers))])
        rows += [
            [line.name, line.speed, *(_cell(line, peer) for peer in peers)] for line in members
        ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(line: Workload, peer: str) -> str:
    ratio = line.ratios.get(peer, NONE)
    return f"**{ratio}**" if ratio != NONE and number(ratio) < 1 else ratio


def with_table(readme: str, page: str) -> str:
    """Return README with the table of a page."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table(workloads(page))}{END}{after}"


if __name__ == "__main__":
    import charts  # which the table does not need

    charts.comparison(workloads(PAGE.read_text()), CHART)
    README.write_text(with_table(README.read_text(), PAGE.read_text()))
