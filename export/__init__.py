"""Keras to float TFLite and ONNX, to int8, to a bundle."""
