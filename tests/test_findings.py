"""docs/findings.md: its tables are those of its files, and so is every number of its text."""

import pytest

from benchmarks.findings_page import PAGE, marks, read, tables

STDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def short(number: float) -> str:
    return f"{number:.3f}".removeprefix("0")


@pytest.mark.parametrize("name", tables())
def test_the_page_shows_the_tables(name: str) -> None:
    first, last = marks(name)
    assert f"{first}{tables()[name]}{last}" in PAGE.read_text()


def claims() -> list[str]:
    """What the page says in words, said again from the files."""
    rate = read("bits").set_index(["design", "bits"]).mse.map(lambda mse: f"{mse:.5f}"[1:])
    noise = read("noise").set_index(["design", "trained_std", "test_noise"]).psnr
    affine = read("noise").set_index(["design", "test_noise"]).psnr["affine map for this noise"]
    nothing = read("noise").set_index(["design", "test_noise"]).psnr["nothing"]
    lead = {s: noise["baseline", 0.3, f"gaussian {s}"] - affine[f"gaussian {s}"] for s in STDS}
    clean = {s: noise["baseline", s, "none"] for s in (0, *STDS)}
    size = read("size").groupby(["design", "latent_size"])[["mse", "ratio"]].mean()
    ratio = size.ratio.map("{:.2f}".format)
    step = size.mse["residual"][32] / size.mse["residual"][64]
    second = size.mse["residual"][64] / size.mse["residual"][128]
    cluster = read("clusters").set_index(["space", "method"])
    strange = read("one_class").drop(columns="class").mean()

    def accuracy(space: str, method: str) -> str:
        return short(cluster.accuracy[space, method])

    best = cluster.loc[("residual 32", "mixture")]
    return [
        f"({ratio['dense', 2]} times at 2, {ratio['dense', 16]} at 16)",
        f"at 128 PCA is ahead ({ratio['dense', 128]}), and at 512 they make "
        f"{size.ratio['dense', 512]:.1f} times its error",
        f"{ratio['convolutional', 32]} times with 32 numbers, {ratio['convolutional', 128]} with "
        f"128 (three seeds), {ratio['convolutional', 512]} with 512",
        f"makes {ratio['residual', 32]} to {ratio['residual', 128]} times PCA's error",
        f"are worth a factor of {step:.1f} to {second:.1f} to the residual network",
        f"residual 32 makes {rate['residual 32', 160]}; of the plain numbers, "
        f"{rate['residual 32', 1024]}.",
        f"({rate['residual 32', 128]} against {rate['PCA', 128]}, both at 128 bits)",
        f"makes {rate['residual 64', 256]} against {rate['PCA', 256]}",
        f"makes {rate['WEBP', 461]} at 461 bits and {rate['WEBP', 600]} at 600; residual 128 "
        f"at 512 bits makes {rate['residual 128', 512]}",
        f"takes 2,048 bits for {rate['baseline', 2048]}, where WebP makes {rate['WEBP', 1392]} at "
        "1,392",
        f"JPEG needs 588 bits for {rate['JPEG', 588]}",
        f"(by {lead[0.2]:.2f}, {lead[0.3]:.2f} and {lead[0.4]:.2f} dB), and loses at .1 by "
        f"{-lead[0.1]:.2f} and at .5 by {-lead[0.5]:.2f}",
        f"({noise['baseline', 0.3, 'gaussian 0.1']:.2f} dB, and {nothing['gaussian 0.1']:.2f} with "
        "nothing done)",
        f"({noise['baseline', 0.1, 'gaussian 0.1']:.2f} against {affine['gaussian 0.1']:.2f})",
        f"{clean[0]:.2f} dB trained without, {clean[0.1]:.2f} on .1, {clean[0.3]:.2f} on .3, "
        f"{clean[0.6]:.2f} on .6",
        f"({noise['baseline', 0.3, 'salt_and_pepper 0.1']:.2f} dB, and the affine map for it "
        f"{affine['salt_and_pepper 0.1']:.2f})",
        f"({noise['baseline', 0.3, 'masking 0.25']:.2f} against {affine['masking 0.25']:.2f})",
        f"Pixels alone give {accuracy('pixels', 'k-means')} by k-means",
        f"names {accuracy('residual 32', 'mixture')} ± {short(best.accuracy_std)} right, with an "
        f"NMI of {short(best.nmi)}; on PCA of 32 numbers it names "
        f"{accuracy('PCA 32', 'mixture')}. k-means on residual 32: "
        f"{accuracy('residual 32', 'k-means')}.",
        f"reaches {short(strange.near)} on average; PCA is given the same and reaches "
        f"{short(strange.pca_near)}",
        f"The error alone has {short(strange.error)}, and **PCA's error {short(strange.pca_error)}",
    ]


@pytest.mark.parametrize("claim", claims())
def test_the_text_says_what_was_measured(claim: str) -> None:
    assert claim in " ".join(PAGE.read_text().split())


def test_no_baseline_beats_the_affine_map_at_weak_noise() -> None:
    noise = read("noise").query("test_noise == 'gaussian 0.1'").set_index("design").psnr
    assert (noise["baseline"] < noise["affine map for this noise"]).all()
