"""Loads the model of a worker process and reads nothing with it once, to warm it."""

import numpy as np

from ml.bundle import Bundle, load_bundle
from ml.onnx_predictor import OnnxPredictor
from ml.onnx_record import OnnxFormat
from ml.places.reader import load_namer
from ml.prediction import Predictor
from ml.predictor import TorchPredictor
from preread.logs import get_logger
from preread.resources import Resources
from preread.settings import Engine, Settings
from worker.reading import ModelReader

log = get_logger(__name__)


def load_model_reader(resources: Resources) -> ModelReader:
    """Return a reader whose next study is as quick as any later one.

    Raises
    ------
    InvalidBundle
        If there are no weights, or not those that their manifest describes, or the engine that
        was asked for has no files that agree with them.
    """
    settings = resources.settings
    bundle = load_bundle(settings.bundle_dir)
    predictor = load_predictor(bundle, settings)
    size = bundle.manifest.network.size
    predictor.predict(np.zeros((1, size, size), np.float32))
    log.info(
        "model_loaded",
        model=bundle.manifest.name,
        device=predictor.device,
        precision=predictor.precision,
    )
    return ModelReader(resources, predictor, bundle, load_namer(bundle))


def load_predictor(bundle: Bundle, settings: Settings) -> Predictor:
    """Return the bundle's networks in the engine that the settings ask for."""
    if settings.engine is Engine.TORCH:
        return TorchPredictor.load(bundle, settings.device, settings.torch_threads)
    wanted = OnnxFormat.INT8 if settings.engine is Engine.ONNX_INT8 else OnnxFormat.FLOAT32
    return OnnxPredictor.load(bundle, settings.onnx_dir, wanted, settings.torch_threads)
