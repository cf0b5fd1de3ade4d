"""The analytic model of the head: textbook coordinates get textbook names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.regions import regions_at
from preread.regions import regions_of
from preread.terms import Compartment, Region

BRAIN, VENTRICLES, SPACE, DURA = Compartment


@pytest.mark.parametrize(
    ("compartment", "right_front_up", "region"),
    [
        pytest.param(BRAIN, (-36, 30, 34), Region.FRONTAL_LOBE, id="middle frontal gyrus"),
        pytest.param(BRAIN, (36, -14, 60), Region.FRONTAL_LOBE, id="precentral gyrus"),
        pytest.param(BRAIN, (20, 40, -16), Region.FRONTAL_LOBE, id="orbital gyri"),
        pytest.param(BRAIN, (40, -34, 54), Region.PARIETAL_LOBE, id="postcentral gyrus"),
        pytest.param(BRAIN, (8, -60, 40), Region.PARIETAL_LOBE, id="precuneus"),
        pytest.param(BRAIN, (45, -60, 36), Region.PARIETAL_LOBE, id="angular gyrus"),
        pytest.param(BRAIN, (58, -30, -2), Region.TEMPORAL_LOBE, id="middle temporal gyrus"),
        pytest.param(BRAIN, (26, -22, -16), Region.TEMPORAL_LOBE, id="hippocampus"),
        pytest.param(BRAIN, (36, 14, -32), Region.TEMPORAL_LOBE, id="temporal pole"),
        pytest.param(BRAIN, (8, -80, 24), Region.OCCIPITAL_LOBE, id="cuneus"),
        pytest.param(BRAIN, (24, -94, 0), Region.OCCIPITAL_LOBE, id="occipital pole"),
        pytest.param(BRAIN, (38, 4, 0), Region.INSULA, id="insula"),
        pytest.param(BRAIN, (11, 14, 8), Region.CAUDATE, id="head of the caudate"),
        pytest.param(BRAIN, (27, 4, 2), Region.PUTAMEN, id="putamen"),
        pytest.param(BRAIN, (18, -5, -1), Region.PALLIDUM, id="pallidum"),
        pytest.param(BRAIN, (11, -18, 8), Region.THALAMUS, id="thalamus"),
        pytest.param(BRAIN, (23, -16, 10), Region.INTERNAL_CAPSULE, id="posterior limb"),
        pytest.param(BRAIN, (0, 29, 6), Region.CORPUS_CALLOSUM, id="genu"),
        pytest.param(BRAIN, (2, -38, 16), Region.CORPUS_CALLOSUM, id="splenium"),
        pytest.param(BRAIN, (28, -64, -40), Region.CEREBELLAR_HEMISPHERE, id="cerebellum"),
        pytest.param(BRAIN, (0, -64, -22), Region.VERMIS, id="vermis"),
        pytest.param(BRAIN, (6, -24, -12), Region.MIDBRAIN, id="midbrain"),
        pytest.param(BRAIN, (0, -24, -32), Region.PONS, id="pons"),
        pytest.param(BRAIN, (0, -42, -56), Region.MEDULLA, id="medulla"),
        pytest.param(VENTRICLES, (12, 28, 2), Region.FRONTAL_HORN, id="frontal horn"),
        pytest.param(VENTRICLES, (12, -14, 22), Region.VENTRICULAR_BODY, id="body"),
        pytest.param(VENTRICLES, (25, -42, 10), Region.ATRIUM, id="atrium"),
        pytest.param(VENTRICLES, (25, -66, 4), Region.OCCIPITAL_HORN, id="occipital horn"),
        pytest.param(VENTRICLES, (33, -20, -15), Region.TEMPORAL_HORN, id="temporal horn"),
        pytest.param(VENTRICLES, (0, -12, 2), Region.THIRD_VENTRICLE, id="third ventricle"),
        pytest.param(VENTRICLES, (0, -45, -32), Region.FOURTH_VENTRICLE, id="fourth ventricle"),
        pytest.param(SPACE, (40, 30, 40), Region.FRONTAL_SULCI, id="frontal sulci"),
        pytest.param(SPACE, (40, -50, 54), Region.PARIETAL_SULCI, id="parietal sulci"),
        pytest.param(SPACE, (60, -30, -12), Region.TEMPORAL_SULCI, id="temporal sulci"),
        pytest.param(SPACE, (30, -90, 10), Region.OCCIPITAL_SULCI, id="occipital sulci"),
        pytest.param(SPACE, (44, 0, 0), Region.SYLVIAN_FISSURE, id="Sylvian fissure"),
        pytest.param(SPACE, (30, 8, -17), Region.SYLVIAN_FISSURE, id="Sylvian stem"),
        pytest.param(SPACE, (0, 40, 30), Region.INTERHEMISPHERIC_FISSURE, id="between the lobes"),
        pytest.param(SPACE, (0, 3, -16), Region.SUPRASELLAR_CISTERN, id="suprasellar"),
        pytest.param(SPACE, (18, -26, -9), Region.AMBIENT_CISTERN, id="ambient"),
        pytest.param(SPACE, (0, -40, -2), Region.QUADRIGEMINAL_CISTERN, id="quadrigeminal"),
        pytest.param(SPACE, (0, -11, -34), Region.PREPONTINE_CISTERN, id="prepontine"),
        pytest.param(SPACE, (0, -66, -54), Region.CISTERNA_MAGNA, id="cisterna magna"),
        pytest.param(DURA, (48, 40, 26), Region.FRONTAL_CONVEXITY, id="frontal crescent"),
        pytest.param(DURA, (50, -50, 52), Region.PARIETAL_CONVEXITY, id="parietal crescent"),
        pytest.param(DURA, (68, -26, -6), Region.TEMPORAL_CONVEXITY, id="temporal lens"),
        pytest.param(DURA, (34, -98, 6), Region.OCCIPITAL_CONVEXITY, id="occipital crescent"),
        pytest.param(DURA, (3, -10, 60), Region.PARAFALCINE, id="along the falx"),
        pytest.param(DURA, (4, 52, 10), Region.PARAFALCINE, id="along the falx in front"),
        pytest.param(DURA, (25, -64, -14), Region.TENTORIAL, id="along the tentorium"),
        pytest.param(DURA, (25, 50, -18), Region.ANTERIOR_FOSSA, id="over the orbit"),
        pytest.param(DURA, (40, 10, -34), Region.MIDDLE_FOSSA, id="before the temporal pole"),
        pytest.param(DURA, (36, -88, -44), Region.POSTERIOR_FOSSA, id="behind the cerebellum"),
    ],
)
def test_textbook_coordinates_get_their_names(compartment, right_front_up, region):
    assert regions_at(compartment, np.array([right_front_up], float))[0] == region


@pytest.mark.parametrize("compartment", list(Compartment))
@settings(max_examples=20, deadline=None)
@given(st.tuples(st.floats(-90, 90), st.floats(-130, 95), st.floats(-75, 95)))
def test_every_place_has_a_name_that_both_sides_share(compartment, place):
    right, front, up = place
    pair = regions_at(compartment, np.array([[right, front, up], [-right, front, up]]))
    assert pair[0] == pair[1]
    assert pair[0] in regions_of(compartment)


def test_a_convexity_has_no_falx_however_near_the_top():
    off_midline = np.array([[14.0, -10.0, 84.0], [14.0, 30.0, 72.0]])
    assert "parafalcine" not in regions_at(Compartment.EXTRA_AXIAL, off_midline)
