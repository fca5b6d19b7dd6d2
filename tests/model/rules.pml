/*
 * Conditions of leases, each with its rule, that a macro NO_... takes out; lease.pml uses them. `at` is AT(voter, node).
 */

/* V1: for LG after a start nobody is answered, itself included. */
#if defined(NO_V1)
#define SILENT(voter, node) false
#elif defined(NO_V1_SELF)
#define SILENT(voter, node) (silent[voter] > 0 && voter != node)
#else
#define SILENT(voter, node) (silent[voter] > 0)
#endif

/* V2, and the same for a RELEASE (V8). */
#ifdef NO_V2
#define OLD_RENEW(at, of_boot) false
#else
#define OLD_RENEW(at, of_boot) (of_boot < seen_boot[at])
#endif
#ifdef NO_V8_BOOT
#define OLD_RELEASE(at, of_boot) false
#else
#define OLD_RELEASE(at, of_boot) (of_boot < seen_boot[at])
#endif

/* V4 */
#ifdef NO_V4
#define REFUSED(at, key) false
#else
#define REFUSED(at, key) (key < floor[at])
#endif

/* V5 */
#ifdef NO_V5_BLOCK
#define BLOCKED(at, key) false
#else
#define BLOCKED(at, key) (promise_left[at] > 0 && promise_key[at] < key)
#endif

/* V6: confirmed = promise alive ? min(floor, promise_key) : floor. The clock is read after the RENEW was received. */
#ifdef NO_V6_MIN
#define CONFIRMED(at, raised) (raised)
#else
#define CONFIRMED(at, raised) (promise_left[at] > 0 -> MIN(raised, promise_key[at]) : raised)
#endif
#ifdef NO_V6_CLOCK
#define PROMISED (LG - 1)
#else
#define PROMISED LG
#endif

/* V8: a promise of a later epoch is not over. */
#ifdef NO_V8_EPOCH
#define RELEASED_KEY(key) true
#else
#define RELEASED_KEY(key) (key < FENCE(0))
#endif

/* H3, H4: of three voters, the second newest send time is younger than LH if two are. */
#ifdef NO_H4_MAJORITY
#define MAJORITY 1
#else
#define MAJORITY 2
#endif
#define COUNTS(h, v) (ARRIVED(AT(v, h)) && ack_age[AT(v, h)] < LH && ack_key[AT(v, h)] >= NEED(applied[h], h))
#define HELD(h) (LISTED(applied[h], h) && !STOPPED(h) && COUNTS(h, A) + COUNTS(h, B) + COUNTS(h, C) >= MAJORITY)

/* H6: after a RELEASE no RENEW and no opening until the epoch exceeds it. Only epoch 0 is ever released here. */
#ifdef NO_H6_STOP
#define STOPPED(h) false
#else
#define STOPPED(h) (released[(h) * 2 + boot[h]] && EPOCH_OF(applied[h], h) == 0)
#endif
#define MAY_RELEASE(h) (EPOCH_OF(applied[h], h) == 0 && !released[(h) * 2 + boot[h]])

/* An ACK on its way; without DELAYED_ACKS it arrives at once or never. */
#ifdef DELAYED_ACKS
#define ARRIVED(at) (!on_the_way[at])
#define SET_ON_THE_WAY(at, value) on_the_way[at] = value
/* One that does not arrive is lost already: only what it would have replaced makes a difference. */
#define MAY_BE_LOST(at) (ack_age[at] < LH)
#else
#define ARRIVED(at) true
#define SET_ON_THE_WAY(at, value) skip
#define MAY_BE_LOST(at) true
#endif

/* H1, H5, H6: the gate closes in the same step. Weakened, the kernel's gate goes on until its deadline. */
#if defined(NO_H1) || defined(NO_H5) || defined(NO_H6_CLOSE)
#define GATE_LEFT_OPEN
#define OPEN(h) (HELD(h) || left_open[h] > 0)
/* The deadline is that of the second youngest ACK that counts. */
#define YOUNGER(h, v, limit) (COUNTS(h, v) && ack_age[AT(v, h)] < (limit))
inline leave_open(node) {
    if
    :: HELD(node) ->
        left_open[node] = LH;
        i = 1;
        do
        :: YOUNGER(node, A, i) + YOUNGER(node, B, i) + YOUNGER(node, C, i) < 2 ->
            i++;
            left_open[node]--
        :: else -> break
        od;
        i = 0
    :: else
    fi
}
#else
#define OPEN(h) HELD(h)
#endif
#ifdef NO_H1
#define CLOSE_AT_START(node) leave_open(node)
#else
#define CLOSE_AT_START(node) skip
#endif
#ifdef NO_H5
#define CLOSE_FOR_PLAN(node) leave_open(node)
#else
#define CLOSE_FOR_PLAN(node) skip
#endif
#ifdef NO_H6_CLOSE
#define CLOSE_FOR_RELEASE(node) leave_open(node)
#else
#define CLOSE_FOR_RELEASE(node) skip
#endif
