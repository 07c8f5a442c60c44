"""Quality of experience of each viewer in each decision, in Mbit/s: the linear form and the live form.

Both are sums over the seconds from a viewer's first frame on, R the bitrate on screen, Rmax and Rmin the ends of
the ladder, L the length of a segment:

    linear  sum of (R - L Rmax stall - L |change of R|)
    live    sum of (R - (c Rmin latency + Rmin |1 - playback rate|) / L - Rmax stall - |change of R|)

each over the seconds of the decision in which the viewer had a picture or waited in a stall. A viewer who plays
without stalls and changes has linear experience R. Start-up is not charged: it is accounted for by itself. A
viewer who leaves is judged up to the end of the tick in which they leave.

Sources: Yin et al., "A control-theoretic approach for dynamic adaptive video streaming over HTTP", SIGCOMM 2015,
doi:10.1145/2785956.2787486, with its weights per segment (1 on changes, Rmax on stalls), here per second.
Bentaleb et al., "Catching the moment with LoL+ in Twitch-like low-latency live streaming platforms", IEEE
Transactions on Multimedia 24 (2022), doi:10.1109/TMM.2021.3079288: segment length on bitrate, 1 s on changes, Rmax
on stalls, Rmin on playback rate, c = .05 up to 1.1 s of latency and .1 above.
"""

from __future__ import annotations

import math

from livesim.compiled import inlined, kernel
from livesim.ledger import QOE_LIVE_SUM, QOE_P10, QOE_S, QOE_SUM, SEEN_VIEWERS, STALLED_VIEWERS
from livesim.network.state import QOE_BINS

LOW_LATENCY_S = 1.1
LOW_PENALTY, PENALTY = 0.05, 0.1  # of the lowest bitrate per second of latency


@inlined
def rate_tick(q, kbps, played_s, stall_s, latency_s, rate):
    """Return what a tick adds to a viewer's linear and live sums, Mbit.  kbps: the bitrate on screen."""
    late = latency_s * (LOW_PENALTY if latency_s <= LOW_LATENCY_S else PENALTY)
    live = kbps - (late + abs(1.0 - rate)) * q.lowest_kbps * q.segments_per_s
    stalled = q.highest_kbps * stall_s
    return (kbps * played_s - q.segment_s * stalled) * 1e-3, (live * played_s - stalled) * 1e-3


@kernel
def qoe_bin(mbps, highest_mbps):
    """Return the bin of the histogram for a viewer's mean experience; the ends hold what lies outside."""
    return int(min(max((mbps / highest_mbps + 1.0) * 0.5, 0.0), 0.999999) * QOE_BINS)


@kernel
def close_viewer(net, r, i, entered_s, end_s, segment_s, highest_mbps, ledger):
    """Book the experience of viewer i since the decision began, and begin anew.

    Whoever has not had a picture, or a stall, for one segment is in the sums but not among the viewers seen:
    a first second says nothing of an experience.
    """
    if net.dry_s[r, i] == math.inf:
        return
    seconds = end_s - max(net.qoe_from_s[r], entered_s + float(net.startup_s[r, i]))
    if seconds <= 0.0:
        return
    linear = float(net.qoe_mbit[r, i])
    ledger[QOE_SUM] += linear
    ledger[QOE_LIVE_SUM] += float(net.qoe_live_mbit[r, i])
    ledger[QOE_S] += seconds
    if seconds >= segment_s:
        ledger[SEEN_VIEWERS] += 1.0
        ledger[STALLED_VIEWERS] += net.stalled[r, i]
        net.qoe_viewers[r, qoe_bin(linear / seconds, highest_mbps)] += 1
    net.qoe_mbit[r, i] = 0.0
    net.qoe_live_mbit[r, i] = 0.0
    net.stalled[r, i] = 0


@kernel
def tenth_percentile(counts, highest_mbps):
    """Return the 10th percentile of a histogram, Mbit/s, linear inside a bin; 0 where it is empty.

    counts: (QOE_BINS,) viewers from -highest to +highest; set to 0.
    """
    total = 0
    for b in range(QOE_BINS):
        total += counts[b]
    below, place = 0.0, 0.0
    wanted = 0.1 * total
    is_found = total == 0
    for b in range(QOE_BINS):
        if not is_found and below + counts[b] >= wanted:
            place = (b + (wanted - below) / counts[b]) / QOE_BINS
            is_found = True
        below += counts[b]
        counts[b] = 0
    return (2.0 * place - 1.0) * highest_mbps if total > 0 else 0.0


@kernel
def close_room(net, r, alive, viewers, high, segment_s, highest_kbps, end_s, ledger):
    """Book the experience of everybody present in room r at the end of a decision, and its 10th percentile."""
    highest_mbps = highest_kbps / 1000.0
    for i in range(high):
        if alive[i]:
            close_viewer(net, r, i, viewers[i].entered_s, end_s, segment_s, highest_mbps, ledger)
    ledger[QOE_P10] = tenth_percentile(net.qoe_viewers[r], highest_mbps)
    net.qoe_from_s[r] = end_s
