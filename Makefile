# make demo and make test do all of their own set-up in .venv: Linux, Python 3.11 to 3.13, make, and the network.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
EXTRAS := onnx,mqtt,webhook,metrics,preview,train,export,report,samples,weights,ray,dev
# Two test processes: each may hold TensorFlow in memory.
WORKERS ?= 2

.PHONY: help venv demo test test-networks test-device lint clean

help:  ## Show what can be made.
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv  ## Real photos to a measured int8 classifier: about 6 minutes on two cores after the installation.
	@$(VENV)/bin/edgecls demo

test: venv lint  ## ruff, mypy, and all tests but the longest.
	@$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup -m "not networks and not device"

test-networks: venv  ## Each of the 25 networks trained, exported, verified and run: about 15 minutes.
	@$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup -m networks tests/networks

test-device: venv  ## An emulated aarch64 board with a camera; needs root, debootstrap, qemu-system-arm, cpio, kmod.
	@$(VENV)/bin/python -m pytest -m device tests/device

lint: venv  ## ruff and mypy.
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy

clean:  ## Remove the environment, caches and what was built; data, runs and bundles stay.
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; good = sys.platform == "linux" and (3, 11) <= sys.version_info[:2] <= (3, 13); \
	sys.exit(0 if good else "edgecls: make needs Linux and Python 3.11 to 3.13, found Python %d.%d on %s; name another with: make PYTHON=python3.12 (a device needs only pip install . on Python 3.10 or newer)" % (*sys.version_info[:2], sys.platform))'
	@$(PYTHON) -m venv $(VENV)
	@echo "edgecls: installing into $(VENV), about 2.8 GB, once"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@
