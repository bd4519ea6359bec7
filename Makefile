# make demo   installs, trains on drawn street scenes, evaluates, exports
# make test   installs, runs every test
# make soak   runs what takes long: ten times the fuzzing, tests of a quarter of an hour
# make lint   installs, checks style

PYTHON ?= python3
VENV ?= .venv
RUN ?= runs/demo
BIN := $(VENV)/bin

.PHONY: demo test soak lint install

install: $(VENV)/.installed

$(VENV)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[test]'
# Scores are compared with Cityscapes' own. Without what the scripts ask for, among which is
# the module typing of Python 2, which breaks pip.
	$(BIN)/python -m pip install --quiet --no-deps 'cityscapesscripts==2.3.*' \
	  'pyquaternion==0.9.*'
	touch $@

demo: install
	$(BIN)/python train.py --flagfile=configs/demo.cfg --run_dir=$(RUN)
	$(BIN)/python evaluate.py --run_dir=$(RUN)
	test -e $(RUN)/saved_model || \
	  $(BIN)/python -m export.saved_model --run_dir=$(RUN) --output=$(RUN)/saved_model
	test -e $(RUN)/int8.tflite || \
	  $(BIN)/python -m export.tflite --run_dir=$(RUN) --quantization=int8 \
	    --output=$(RUN)/int8.tflite
	$(BIN)/python -m selene_tf.report $(RUN) --output=$(RUN)/report.html
	@echo
	@echo "Open $(RUN)/report.html in a browser: scores, curves, images, path, exports."

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

soak: install
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
	  --hypothesis-profile=soak -m "soak or hypothesis"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
