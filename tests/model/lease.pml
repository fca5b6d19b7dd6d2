/*
 * The heart of the lease protocol, small enough to be searched exhaustively: nodes A, B and C are the voters, A and B
 * the candidates of one VIP. docs/internals/lease-model.md says what is abstracted and why; the rule (P1..H8) stands
 * beside the line that obeys it. tests/model/check.py runs it: PLAN_... chooses how the list changes (plans.pml), RESTART,
 * RELEASE and DELAYED_ACKS what may happen, and NO_... takes out a rule (rules.pml), which must open two gates.
 *
 * Time. A tick ages everything at once; any number of steps fits between two ticks. What is stored are ages and
 * remaining times, never clocks, so that the states are finitely many although time is not bounded. LH is the longest
 * that a right can last and LG the shortest that a promise can last, in true time: the drift is in the numbers.
 *
 * Network. There is no channel: whatever a node can have sent up to now can arrive now, at every voter, any number of
 * times or never. So loss, delay, order and duplication have no bound for RENEW and RELEASE. ACKs have one place each
 * from voter to holder: a newer one takes an older one's place, or is lost.
 */
#ifndef LG
#define LG 2
#endif
#ifndef LH
#define LH 2
#endif
#define A 0
#define B 1
#define C 2
#define AT(voter, node) ((voter) * 2 + (node))
#define MAX(x, y) ((x) > (y) -> (x) : (y))
#define MIN(x, y) ((x) < (y) -> (x) : (y))

/* Every node. */
byte applied[3]; /* durable */
bit restarted;   /* one node, once */

/* Voters: volatile, for each voter and candidate. */
byte floor[6];
byte promise_key[6];
byte promise_left[6]; /* ticks until promise_until; 0: not alive, and then the key is 0 */
bit seen_boot[6];
byte silent[3]; /* ticks */

/* Holders. */
byte ack_age[6]; /* ticks since the RENEW was sent that the ACK kept from a voter answers; LH: there is none */
byte ack_key[6]; /* what it confirms of the other candidate */
#ifdef DELAYED_ACKS
bit on_the_way[6]; /* it is not there yet, and perhaps never will be */
#endif
bit boot[2];       /* durable */
bit released[4];   /* for each candidate and boot: a RELEASE was sent */
byte sent_plan[2]; /* the newest plan that a RENEW of this boot carries */
byte sent_age[2];  /* ticks since something that is not sent any more (an older plan, all after RELEASE) was; at most LH */
byte old_plan;     /* as sent_plan, for the boot before */
#if defined(NO_H1) || defined(NO_H5) || defined(NO_H6_CLOSE)
byte left_open[2]; /* ticks for which the kernel's gate stays open behind the holder's back */
#endif

/* Scratch of one step; zero between steps. */
byte h, v, p, age, key, i;
bit b, f;

#include "plans.pml"
#include "rules.pml"

inline forget_acks(node) {
    for (i : 0 .. 2) {
        ack_age[AT(i, node)] = LH;
        ack_key[AT(i, node)] = 0;
        SET_ON_THE_WAY(AT(i, node), 0)
    }
    i = 0
}

/*
 * Of what an ACK confirms, only the greatest need that it meets is kept, now or under a later plan, and one that meets
 * none is no ACK: fewer states that differ without a difference.
 */
#define MEETS(p, h) (p >= applied[h] && p <= LAST && LISTED(p, h) && NEED(p, h) <= key)
#define LEVEL(p, h) (MEETS(p, h) -> NEED(p, h) : 0)
inline keep_ack(node, voter, arrives_later) {
    if
    :: MEETS(0, node) || MEETS(1, node) || MEETS(2, node) ->
        i = LEVEL(0, node);
        i = MAX(i, LEVEL(1, node));
        i = MAX(i, LEVEL(2, node));
        ack_key[AT(voter, node)] = i;
        ack_age[AT(voter, node)] = age;
        SET_ON_THE_WAY(AT(voter, node), arrives_later)
    :: else ->
        ack_key[AT(voter, node)] = 0;
        ack_age[AT(voter, node)] = LH;
        SET_ON_THE_WAY(AT(voter, node), 0)
    fi;
    i = 0
}

inline end_promise(at) {
    promise_left[at] = 0;
    promise_key[at] = 0
}

/* V7 */
#define FROM_PLAN(p, x) MAX(KEY_OF(p, x), RECORDED_FENCE(p, x))
inline raise_from_plan(voter) {
    for (i : A .. B) {
#ifndef NO_V7
        floor[AT(voter, i)] = MAX(floor[AT(voter, i)], FROM_PLAN(applied[voter], i));
#endif
#ifdef NO_V7_ALIVE
        if
        :: promise_key[AT(voter, i)] < FROM_PLAN(applied[voter], i) -> end_promise(AT(voter, i))
        :: else
        fi
#else
        skip
#endif
    }
    i = 0
}

inline tick() {
    d_step {
        printf("a tick passes\n");
        for (i : 0 .. 5) {
            if
            :: promise_left[i] > 1 -> promise_left[i]--
            :: else -> end_promise(i)
            fi;
            if
            :: ack_age[i] + 1 < LH -> ack_age[i]++
            :: else ->
                ack_age[i] = LH;
                ack_key[i] = 0;
                SET_ON_THE_WAY(i, 0)
            fi
        }
        for (i : A .. C) {
            silent[i] = MAX(silent[i], 1) - 1
        }
        for (i : A .. B) {
            sent_age[i] = MIN(sent_age[i] + 1, LH);
#ifdef GATE_LEFT_OPEN
            left_open[i] = MAX(left_open[i], 1) - 1;
#endif
        }
        i = 0
    }
}

/* A node applies the next command: at any time after its commit, which may be any time. */
inline apply() {
    if
    :: applied[A] < LAST -> v = A
    :: applied[B] < LAST -> v = B
    :: applied[C] < LAST -> v = C
    fi;
    skip;
    d_step {
        printf("%c applies plan %d\n", 'A' + v, applied[v] + 1);
        applied[v]++;
        raise_from_plan(v);
        if
        :: v != C ->
            applied[v]--;
            CLOSE_FOR_PLAN(v);
            applied[v]++;
#ifndef NO_H3_EPOCH
            if
            :: EPOCH_OF(applied[v], v) != EPOCH_OF(applied[v] - 1, v) -> forget_acks(v)
            :: else
            fi;
#endif
            /* H5: from here on the needs are those of the new plan, and only then a RENEW carries its gen. */
            for (h : 0 .. 2) {
                if
                :: ack_age[AT(h, v)] < LH ->
                    b = !ARRIVED(AT(h, v));
                    key = ack_key[AT(h, v)];
                    age = ack_age[AT(h, v)];
                    keep_ack(v, h, b)
                :: else
                fi
            }
            if
            :: !STOPPED(v) ->
                sent_plan[v] = applied[v];
                sent_age[v] = 0
            :: else
            fi
        :: else
        fi;
        h = 0; v = 0; b = 0; key = 0; age = 0
    }
}

/* A process ends and starts again at once: a longer way down differs from that only by messages that are lost. */
inline restart() {
    select(v : A .. C);
    skip;
    d_step {
        printf("%c starts again\n", 'A' + v);
        restarted = 1;
        if
        :: v != C ->
            CLOSE_AT_START(v); /* H1 */
            /* H3: no ACK of the boot before counts. What it remembered of a RELEASE is gone, too. */
#ifdef NO_H3_BOOT
            for (i : 0 .. 2) {
                if
                :: ARRIVED(AT(i, v)) ->
                    ack_age[AT(i, v)] = LH;
                    ack_key[AT(i, v)] = 0
                :: else
                fi
            }
            i = 0;
#else
            forget_acks(v);
#endif
            boot[v] = 1;
            old_plan = sent_plan[v];
            sent_plan[v] = applied[v];
            sent_age[v] = 0
        :: else
        fi;
        for (i : A .. B) {
            floor[AT(v, i)] = 0;
            end_promise(AT(v, i));
            seen_boot[AT(v, i)] = 0
        }
#ifndef NO_V1_FLOORS
        raise_from_plan(v);
#endif
        silent[v] = LG; /* V1 */
        i = 0; v = 0
    }
}

/* H6, for whatever reason (H7 among them): it closes and remembers, and only then the RELEASE is on the network. */
inline release() {
    if
    :: MAY_RELEASE(A) -> h = A
    :: MAY_RELEASE(B) -> h = B
    fi;
    skip;
    d_step {
        printf("%c sends RELEASE\n", 'A' + h);
        CLOSE_FOR_RELEASE(h);
        released[h * 2 + boot[h]] = 1;
#ifndef NO_H6_STOP
        forget_acks(h);
#endif
        sent_age[h] = 0;
        h = 0
    }
}

/* V8 */
inline release_arrives() {
    if
    :: released[0] -> h = A
    :: released[1] -> h = A; b = 1
    :: released[2] -> h = B
    :: released[3] -> h = B; b = 1
    fi;
    select(v : A .. C);
    i = AT(v, h);
    d_step {
        if
        :: OLD_RELEASE(i, b) -> skip
        :: else ->
            printf("%c receives RELEASE of boot %d of %c\n", 'A' + v, b, 'A' + h);
            seen_boot[i] = MAX(seen_boot[i], b);
            if
            :: RELEASED_KEY(promise_key[i]) -> end_promise(i)
            :: else
            fi;
#ifndef NO_V8_FLOOR
            floor[i] = MAX(floor[i], FENCE(0))
#endif
        fi;
        h = 0; v = 0; b = 0; i = 0
    }
}

/* Any RENEW that holder h can have sent arrives at voter v: of boot b and plan p, with (f) or without a fence want. */
inline renew_arrives() {
    select(h : A .. B);
    select(v : A .. C);
    b = boot[h];
    p = sent_plan[h];
    if /* its own voter gets none but the newest */
    :: v != h && boot[h] == 1 ->
        b = 0;
        p = old_plan
    :: true
    fi;
    if
    :: v != h && p > 0 -> p--
    :: v != h && p > 1 -> p = p - 2
    :: true
    fi;
    if /* P1: only who stands behind another claims; H8: it may drop the claim at any time, even while it is open */
    :: SECOND(p) == h -> f = 1
    :: true
    fi;
    age = (b != boot[h] -> LH : (p == applied[h] && !STOPPED(h) -> 0 : sent_age[h]));
    if /* LH stands for anything older, whose ACK could open nothing; so for the voter an ACK that is lost is the same */
    :: v != h && MAY_BE_LOST(AT(v, h)) -> age = LH
    :: v != h && age + 1 < LH -> age++
    :: true
    fi;
    skip;
    d_step {
        key = KEY_OF(p, h);
        if
        :: OLD_RENEW(AT(v, h), b) -> skip
        :: v == h && STOPPED(h) -> skip
        :: else ->
            printf("%c receives RENEW of %c: boot %d, plan %d, fence wanted %d, age %d\n",
                'A' + v, 'A' + h, b, p, f, age);
            seen_boot[AT(v, h)] = MAX(seen_boot[AT(v, h)], b);
            if
            :: REFUSED(AT(v, h), key) -> skip
            :: else -> voter_takes()
            fi
        fi;
        h = 0; v = 0; b = 0; p = 0; f = 0; age = 0; key = 0; i = 0
    }
}

inline voter_takes() {
#ifndef NO_V4_FLOOR
    floor[AT(v, h)] = MAX(floor[AT(v, h)], key); /* V4 */
#endif
    /* V5; i is the floor of the other, as the ACK will have it. */
    i = MAX(floor[AT(v, OTHER(h))], AFTER(p, h));
#ifndef NO_V5_GEN
    floor[AT(v, OTHER(h))] = i;
#endif
    if
    :: f && !BLOCKED(AT(v, OTHER(h)), FENCE(EPOCH_OF(p, OTHER(h)))) ->
        i = MAX(i, FENCE(EPOCH_OF(p, OTHER(h))));
#ifndef NO_V5_FENCE
        floor[AT(v, OTHER(h))] = i
#endif
    :: else
    fi;
    if
    :: SILENT(v, h) -> skip
    :: else ->
#ifndef NO_V6_PROMISE
        promise_key[AT(v, h)] = key;
        promise_left[AT(v, h)] = PROMISED;
#endif
        if
        :: age < LH ->
            /* V6; nothing wanted, nothing confirmed. */
            key = (f || AFTER(p, h) > 0 -> CONFIRMED(AT(v, OTHER(h)), i) : 0);
            keep_ack(h, v, v != h)
        :: else
        fi
    fi
}

#ifdef DELAYED_ACKS
inline ack_arrives() {
    if
    :: on_the_way[0] -> i = 0
    :: on_the_way[1] -> i = 1
    :: on_the_way[2] -> i = 2
    :: on_the_way[3] -> i = 3
    :: on_the_way[4] -> i = 4
    :: on_the_way[5] -> i = 5
    fi;
    skip;
    d_step {
        printf("%c receives an ACK of %c\n", 'A' + i % 2, 'A' + i / 2);
        on_the_way[i] = 0;
#ifdef NO_H4_SENT
        ack_age[i] = 0;
#endif
        i = 0
    }
}
#endif

init {
    d_step {
        forget_acks(A);
        forget_acks(B)
    };
    do
    :: atomic {
        if
        :: tick()
        :: applied[A] + applied[B] + applied[C] < 3 * LAST -> apply()
#ifdef RESTART
        :: !restarted -> restart()
#endif
#ifdef RELEASE
        :: MAY_RELEASE(A) || MAY_RELEASE(B) -> release()
        :: released[0] || released[1] || released[2] || released[3] -> release_arrives()
#endif
        :: renew_arrives()
#ifdef DELAYED_ACKS
        :: on_the_way[0] || on_the_way[1] || on_the_way[2] || on_the_way[3] || on_the_way[4] || on_the_way[5] ->
            ack_arrives()
#endif
        fi;
        assert(!(OPEN(A) && OPEN(B)))
    }
    od
}
