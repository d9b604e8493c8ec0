# Two commands for a newcomer: `make demo` and `make test`. The rest serves those who change the code.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE ?=

.PHONY: demo test check fuzz bench score lock clean format scenarios system-tools
demo: .venv/ready
	$(BIN)/epicenter demo --out out/demo

test: check system-tools
	$(BIN)/python -m pytest -n auto --dist worksteal

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	sh scripts/typed-tree.sh
	$(BIN)/basedpyright --warnings

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Decoders fed with garbage, so many times as long as in `make test`.
fuzz: .venv/ready
	EPICENTER_FUZZ=$(or $(FUZZ),100) $(BIN)/python -m pytest -n auto --dist worksteal -m fuzz tests/collector

bench: .venv/ready
	$(BIN)/python -m benchmarks $(BENCH)

# The targets that the explanation is held to, over the whole library.
score: .venv/ready
	$(BIN)/epicenter score --seeds $(or $(SEEDS),5) --fail-under root_top1=0.97 --fail-under root_kind=0.95 \
		--fail-under dns_role=0.99 --fail-under storm_f1=0.97 --fail-under false_incidents_per_day=0 \
		--fail-under time_to_explain_s=120

scenarios: .venv/ready
	$(BIN)/python -m scripts.scenarios

system-tools: .venv/ready
	sh scripts/system-tools.sh

.venv/ready: pyproject.toml requirements.lock scripts/setup.sh
	PYTHON="$(PYTHON)" sh scripts/setup.sh

lock:
	uv pip compile --universal --generate-hashes --all-extras --group dev --python-version 3.11 \
		--custom-compile-command "make lock" pyproject.toml -q -o requirements.lock

clean:
	rm -rf .venv build out *.egg-info
