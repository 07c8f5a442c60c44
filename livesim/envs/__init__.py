"""The Gymnasium face of the rooms: actions, observations, one environment and its vector twin, rendering."""
