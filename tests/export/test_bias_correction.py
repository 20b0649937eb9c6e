"""Bias correction: the mean of a layer with rounded weights and corrected bias is that of the real layer."""

from __future__ import annotations

import numpy as np
import pytest

from edgecls.export.bias_correction import dense_shift, depthwise_shift

LEVELS = 7  # coarse, so that the rounding shows


def rounded(weights: np.ndarray) -> np.ndarray:
    scale = np.abs(weights).reshape(len(weights), -1).max(axis=1) / LEVELS
    scale = scale.reshape(-1, *[1] * (weights.ndim - 1))
    return np.asarray(np.rint(weights / scale) * scale)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_dense_layer_keeps_its_mean_output(rng: np.random.Generator) -> None:
    weights = rng.normal(size=(5, 8)).astype(np.float32)
    inputs = rng.uniform(0, 6, size=(100, 8)).astype(np.float32)
    real = (inputs @ weights.T).mean(axis=0)
    plain = (inputs @ rounded(weights).T).mean(axis=0)
    corrected = plain - dense_shift(weights, inputs.mean(axis=0), levels=LEVELS)
    assert np.abs(plain - real).max() > 0.05
    np.testing.assert_allclose(corrected, real, atol=1e-4)


def test_a_convolution_sums_the_positions_of_its_kernel(rng: np.random.Generator) -> None:
    weights = rng.normal(size=(4, 3, 3, 2)).astype(np.float32)
    mean = np.array([1.5, 0.25], np.float32)
    expected = ((rounded(weights) - weights) * mean).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(dense_shift(weights, mean, levels=LEVELS), expected, rtol=1e-4, atol=1e-6)


def test_a_depthwise_convolution_takes_each_channel_by_itself(rng: np.random.Generator) -> None:
    weights = rng.normal(size=(6, 3, 3)).astype(np.float32)
    mean = rng.uniform(0, 6, size=6).astype(np.float32)
    expected = (rounded(weights) - weights).sum(axis=(1, 2)) * mean
    np.testing.assert_allclose(depthwise_shift(weights, mean, levels=LEVELS), expected, rtol=1e-4, atol=1e-6)


def test_a_channel_of_zeros_has_no_shift() -> None:
    assert not dense_shift(np.zeros((2, 3), np.float32), np.ones(3, np.float32), levels=LEVELS).any()
