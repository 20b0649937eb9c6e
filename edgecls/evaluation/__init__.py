"""Evaluation: what a trained run or an exported bundle is worth on labelled photos."""
