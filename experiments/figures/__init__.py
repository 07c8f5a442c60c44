"""Figures of recorded sessions and scores: plain functions from data to a matplotlib Figure.

    timeline.session_timeline(trace, row, title)        one session: viewers, earnings, what was on
    branches.branch_timelines(answer, row)              one session as it was and as it would have been
    branches.branch_differences(answer)                 many sessions: the mean difference with its interval
    placement.ad_placement(traces)                      where policies place ads, in the session and on the trend
    decomposition.reward_decomposition(terms, totals)   what each policy's return is made of
    curves.learning_curves(curves, rules)               return while learning, with intervals, rules as lines
    style.png(figure)                                   its bytes

`traces` and the like map the name to be shown to the data, in the order to be shown. Figures belong to nobody:
they are no pyplot state, and need not be closed.
"""
