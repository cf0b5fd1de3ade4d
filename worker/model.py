"""Loads the model of a worker process and reads nothing with it once, to warm it."""

import numpy as np

from ml.bundle import load_bundle
from ml.predictor import TorchPredictor
from preread.logs import get_logger
from preread.resources import Resources
from worker.reading import ModelReader

log = get_logger(__name__)


def load_model_reader(resources: Resources) -> ModelReader:
    """Return a reader whose next study is as quick as any later one.

    Raises
    ------
    InvalidBundle
        If there are no weights, or not those that their manifest describes.
    """
    settings = resources.settings
    bundle = load_bundle(settings.bundle_dir)
    predictor = TorchPredictor.load(bundle, settings.device, settings.torch_threads)
    size = bundle.manifest.network.size
    predictor.predict(np.zeros((1, size, size), np.float32))
    log.info("model_loaded", model=bundle.manifest.name, device=predictor.device)
    return ModelReader(resources, predictor, bundle)
