"""``python -m ml.evaluation run FOLDER|adopt FOLDER|card|contact-sheets FOLDER``: the command line with its readers and its networks."""

import sys

from ml.bundle import Bundle
from ml.evaluation.command import Doors, main
from ml.places.reader import load_namer
from ml.prediction import Predictor
from ml.predictor import TorchPredictor
from ml.sources.choose import read_labeled, recognize


def _load(bundle: Bundle, device: str, threads: int) -> Predictor:
    return TorchPredictor.load(bundle, device, threads)


if __name__ == "__main__":
    sys.exit(main(None, Doors(read_labeled, recognize, _load, load_namer)))
