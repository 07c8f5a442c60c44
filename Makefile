# Everything runs in .venv, created on first use. PYTHON=python3.12 make test picks another interpreter, JOBS=8 make test more processes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

KINDS := entertainment ecommerce education health enterprise esports
SMALL := entertainment+small education+small ecommerce+small
HARD := flash_crowd edge_outage weak_network
HEADROOM := --jobs 2 --set session.duration_s=3600 --seeds 700:716 --pick-seeds 500:516 \
    --fair planner.fair:horizon=60:every=8 --clairvoyant planner.clairvoyant:every=6
BOARD := recommend_shop/ecommerce room_shop/ecommerce $(foreach kind,entertainment education,recommend_kinds/$(kind) room_kinds/$(kind)) \
    $(foreach kind,entertainment education ecommerce,ads_kinds/$(kind) interact_kinds/$(kind)) \
    $(foreach kind,$(HARD),operate_kinds/$(kind))
BOARD_RESULTS := $(foreach board,$(BOARD),results/$(subst /,-,$(board))+small)
trained = $(addprefix --learned ,$(wildcard $(1)))

.PHONY: demo test test-slow bench sanity ranks facts fit-check sensitivity headroom ablation leaderboard reference tables lint clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test]'
	touch $@

demo: $(STAMP)  ## train on the default room, score against the rules on the same luck, say what to open
	$(BIN)/livesim demo

test: $(STAMP)  ## the whole fast suite, as CI runs it
	$(BIN)/pytest -n $(JOBS) --dist worksteal

test-slow: $(STAMP)  ## what takes minutes: kills, a local Ray cluster, long theory; half an hour
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test,ray]'
	$(BIN)/pytest -m slow

bench: $(STAMP)  ## viewer-decisions per CPU-second, shares of time, memory
	$(BIN)/livesim bench

sanity: $(STAMP)  ## the no-free-lunch tables of the six kinds of room
	$(BIN)/livesim sanity $(KINDS)

ranks: $(STAMP)  ## how the rules of each head rank in the six kinds of room
	$(BIN)/livesim policies rank $(KINDS)

facts: $(STAMP)  ## rooms against published facts
	$(BIN)/livesim validate entertainment ecommerce education

fit-check: $(STAMP)  ## does a fit on exported logs find the numbers that made them? 40 times, half an hour
	$(BIN)/livesim fit-check tiny --repetitions 40 --log-rooms 48 --rooms 48 --set audience.planned_viewers=60 --set session.duration_s=3600

sensitivity: $(STAMP)  ## which conclusions rest on which assumed number; hours
	$(BIN)/livesim sensitivity entertainment --jobs 2

headroom: $(STAMP)  ## how much better than the best rule one could be, in sessions of an hour; two hours; after leaderboard, with its learners
	$(BIN)/livesim headroom $(SMALL) $(foreach head,Recommend AdPlacement InteractionTiming Room,--environment $(head)-v0) $(HEADROOM) \
	    $(call trained,$(filter-out results/operate%,$(BOARD_RESULTS)))
	$(BIN)/livesim headroom $(addsuffix +small,$(HARD)) --environment Operations-v0 --out results/headroom_operations $(HEADROOM) \
	    $(call trained,$(filter results/operate%,$(BOARD_RESULTS)))

ablation: $(STAMP)  ## what each ingredient of learning is worth; an hour
	$(BIN)/livesim run experiments/configs/ablation.yaml --jobs 2
	$(BIN)/livesim ablation results/ablation

leaderboard: $(STAMP)  ## every head in three small rooms, then experiments/leaderboard.md; three hours, gone on with by a rerun
	for board in $(BOARD); do file=$${board%/*}; kind=$${board#*/}+small; out=results/$$file-$$kind; \
	    resume=; [ -d $$out ] && resume=--resume; \
	    $(BIN)/livesim run experiments/configs/$$file.yaml --set scenario=$$kind --out $$out $$resume --jobs 2 || exit 1; \
	done
	$(BIN)/livesim leaderboard --write $(BOARD_RESULTS)

reference: $(STAMP)  ## bring the generated pages in scenarios/ up to date
	$(BIN)/livesim scenarios reference --write

tables: $(STAMP)  ## train and score everything in the results table of README.md
	for name in room recommend ads interact operate operate_outage; do $(BIN)/livesim run experiments/configs/$$name.yaml --jobs 2 || exit 1; done

lint: $(STAMP)
	$(BIN)/ruff check . && $(BIN)/mypy

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
