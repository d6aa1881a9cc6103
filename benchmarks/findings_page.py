"""The tables of docs/findings.md, from the files that benchmarks/findings.py wrote.

python benchmarks/findings_page.py
"""

from pathlib import Path

import pandas as pd

PAGE = Path(__file__).parents[1] / "docs/findings.md"
FOLDER = PAGE.with_suffix("")


def read(name: str) -> pd.DataFrame:
    """One of the files."""
    return pd.read_csv(FOLDER / f"{name}.csv", keep_default_na=False, na_values=[""])


def size() -> pd.DataFrame:
    """Test MSE by latent size, a design a column, and its mean over seeds."""
    found = read("size")
    table = found.pivot_table(index="latent_size", columns="design", values="mse")
    table.insert(0, "PCA", found.groupby("latent_size").pca_mse.first())
    return table.map("{:.5f}".format).replace("nan", "").rename_axis("numbers")


def bits() -> pd.DataFrame:
    """Test MSE by the bits a number is kept in."""
    found = read("bits")
    of_designs = found[found.bits_a_number > 0].query("design != 'PCA'")
    table = of_designs.pivot_table(
        index="design", columns="bits_a_number", values="mse", sort=False
    )
    table.columns = [f"{b} bits" if b < 32 else "as trained" for b in table.columns]
    return table.map("{:.5f}".format)


def noise() -> pd.DataFrame:
    """PSNR by the noise of the test, a way of training a row."""
    found = read("noise")
    trained = found.trained_std.map(lambda std: "" if std != std else f", trained on {std:g}")
    found["denoiser"] = found.design + trained
    table = found.pivot_table(index="denoiser", columns="test_noise", values="psnr", sort=False)
    table = table[["none", *(name for name in table if name != "none")]].sort_index(
        key=lambda names: names.str.contains("baseline|compact"), kind="stable"
    )
    return table.map("{:.2f}".format).replace("nan", "")


def clusters() -> pd.DataFrame:
    """Agreement of clusters with the classes."""
    found = read("clusters")
    table = found.set_index(["space", "method"])
    return pd.DataFrame(
        {
            name: [
                f"{m:.3f} ± {s:.3f}" for m, s in zip(table[name], table[f"{name}_std"], strict=True)
            ]
            for name in ("accuracy", "nmi", "ari")
        },
        index=[f"{space}, {method}" for space, method in table.index],
    ).rename_axis("clusters in")


def one_class() -> pd.DataFrame:
    """AUROC of each class, and its spread over seeds; PCA has none."""
    found = read("one_class").set_index("class")
    titles = {
        "error": "error",
        "latent": "latent",
        "both": "sum of both",
        "near": "weighted, nearest",
        "pca_error": "PCA's error",
        "pca_near": "PCA weighted, nearest",
    }
    table = pd.DataFrame(
        {
            title: [
                f"{m:.3f} ± {s:.3f}" if not name.startswith("pca") else f"{m:.3f}"
                for m, s in zip(found[name], found[f"{name}_std"], strict=True)
            ]
            for name, title in titles.items()
        },
        index=found.index,
    )
    table.loc["mean"] = [f"{found[name].mean():.3f}" for name in titles]
    return table


def tables() -> dict[str, str]:
    """Each table of the page, in Markdown."""
    made = (size, bits, noise, clusters, one_class)
    return {make.__name__: markdown(make()) for make in made}


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, numbers to the right."""
    lines = [[str(table.index.name), *map(str, table.columns)]]
    lines += [["---", *("---:" for _ in table.columns)]]
    lines += [[str(name), *row] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def marks(name: str) -> tuple[str, str]:
    """Between what a table stands in the page."""
    return f"<!-- {name} -->\n", f"<!-- /{name} -->\n"


def main() -> None:
    """Writes the tables into the page."""
    page = PAGE.read_text()
    for name, table in tables().items():
        first, last = marks(name)
        before, rest = page.split(first)
        page = before + first + table + last + rest.split(last)[1]
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
