"""Kernels built from other sources than the present ones are never used."""

from __future__ import annotations

from livesim import compiled


def test_stale_kernels_are_dropped_and_fresh_ones_kept(tmp_path, monkeypatch):
    (tmp_path / "audience").mkdir()
    source = tmp_path / "audience" / "mood.py"
    source.write_text("x = 1")
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    kernel = tmp_path / "audience" / "mood.f-1.py311.nbi"
    compiled.drop_stale_caches()
    kernel.write_text("compiled")
    compiled.drop_stale_caches()
    assert kernel.exists(), "nothing changed, so the cache must stay"
    source.write_text("x = 2")
    compiled.drop_stale_caches()
    assert not kernel.exists(), "another module changed, so the cache must go"


def test_environments_around_the_rooms_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    (tmp_path / "envs").mkdir()
    before = compiled.source_hash()
    (tmp_path / "envs" / "render.py").write_text("x = 1")
    assert compiled.source_hash() == before
