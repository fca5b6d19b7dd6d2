/*
 * How the list of the VIP's candidates changes: LAST commands, each applied by each node at a time of its own. At plan p
 * EPOCH_OF and GEN_OF are a node's key, FIRST and SECOND the list, and AFTER is after_x of the other candidate (P2); with
 * two candidates that is one number. What P2 and P3 compute is written out here, because with so few changes it is a table.
 */
#define KEY(epoch, gen) ((epoch) * 4 + (gen)) /* compares as the pair does */
#define FENCE(epoch) KEY((epoch) + 1, 0)
#define NOBODY 3

#if defined(PLAN_NONE) /* [A, B] for ever */
#define LAST 0
#define EPOCH_OF(p, x) 0
#define GEN_OF(p, x) 0
#define FIRST(p) A
#define SECOND(p) B
#define AFTER(p, x) 0

#elif defined(PLAN_SWAP) /* [A, B], then [B, A] */
#define LAST 1
#define EPOCH_OF(p, x) 0
#define GEN_OF(p, x) (p)
#define FIRST(p) ((p) == 0 -> A : B)
#define SECOND(p) ((p) == 0 -> B : A)
#define AFTER(p, x) ((p) == 1 && (x) == B -> KEY(0, 1) : 0)

#elif defined(PLAN_DROP) /* [A, B], then [B] */
#define LAST 1
#define EPOCH_OF(p, x) 0
#define GEN_OF(p, x) (p)
#define FIRST(p) ((p) == 0 -> A : B)
#define SECOND(p) ((p) == 0 -> B : NOBODY)
#define AFTER(p, x) ((p) == 1 && (x) == B -> KEY(0, 1) : 0)

#elif defined(PLAN_TWO) /* [A, B], then [B, A], then [B]: what B has after_B from the first change outlives the second */
#define LAST 2
#define EPOCH_OF(p, x) 0
#define GEN_OF(p, x) (p)
#define FIRST(p) ((p) == 0 -> A : B)
#define SECOND(p) ((p) == 0 -> B : ((p) == 1 -> A : NOBODY))
#ifdef NO_P2_KEEP
#define AFTER(p, x) ((p) == 1 && (x) == B -> KEY(0, 1) : 0)
#else
#define AFTER(p, x) ((p) > 0 && (x) == B -> KEY(0, 1) : 0)
#endif

#elif defined(PLAN_RECREATE) /* [A], then deleted, then made again as [B], which starts from `past` */
#define LAST 2
#define EPOCH_OF(p, x) 0
#define GEN_OF(p, x) ((x) == A && (p) > 0 -> 1 : 0)
#define FIRST(p) ((p) == 0 -> A : ((p) == 2 -> B : NOBODY))
#define SECOND(p) NOBODY
#ifdef NO_P2_PAST
#define AFTER(p, x) 0
#else
#define AFTER(p, x) ((p) == 2 && (x) == B -> KEY(0, 1) : 0)
#endif

#elif defined(PLAN_ADMIT) /* [A, B], then the fence of A is recorded, then A is admitted again with epoch 1 (P3): [B, A] */
#define LAST 2
#define EPOCH_OF(p, x) ((p) == 2 && (x) == A -> 1 : 0)
#define RECORDED_FENCE(p, x) ((p) > 0 && (x) == A -> FENCE(0) : 0)
#ifdef NO_P3 /* at its old place in the list */
#define GEN_OF(p, x) 0
#define FIRST(p) A
#define SECOND(p) B
#define AFTER(p, x) 0
#else
#define GEN_OF(p, x) ((p) == 2 -> 2 : 0)
#define FIRST(p) ((p) == 2 -> B : A)
#define SECOND(p) ((p) == 2 -> A : B)
#define AFTER(p, x) ((p) == 2 -> KEY(0, 2) : 0)
#endif
#endif

#ifndef RECORDED_FENCE
#define RECORDED_FENCE(p, x) 0
#endif
#ifdef NO_P2_AFTER
#undef AFTER
#define AFTER(p, x) 0
#endif

#define OTHER(x) (1 - (x))
#define KEY_OF(p, x) KEY(EPOCH_OF(p, x), GEN_OF(p, x))
#define LISTED(p, x) (FIRST(p) == (x) || SECOND(p) == (x))
/* H2 */
#ifdef NO_H2
#define NEED(p, x) AFTER(p, x)
#else
#define NEED(p, x) (SECOND(p) == (x) -> MAX(AFTER(p, x), FENCE(EPOCH_OF(p, OTHER(x)))) : AFTER(p, x))
#endif
