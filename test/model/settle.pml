/*
 * The delivery contract as a protocol: a producer sends the lines of a file, a broker keeps them, a consumer settles them, and
 * anything may go wrong between any two steps. The checker walks every order in which the steps can happen.
 *
 * `producer`, `broker`, `place` and `consumer` are the steps that work, `world` is what goes wrong, `line` and `finally` are the
 * claims. A `d_step` happens whole or not at all. What is left out and why, and how to run it: README.md.
 *
 * LINES, TROUBLES, CONCURRENT and WRONG are set from outside: -DLINES=3 -DTROUBLES=2 -DCONCURRENT=0 -DWRONG=0
 *   LINES       of the file; a line's id is its number
 *   TROUBLES    how often something goes wrong in one run, at most
 *   CONCURRENT  1: handlers run side by side, and order is not promised
 *   WRONG       one of the ways to get it wrong, which the checker must find out
 */
#define WINDOW 2    /* the most lines published and not confirmed */
#define UNSAVED 1   /* the most lines confirmed and not in the checkpoint */
#define PREFETCH 2  /* the most deliveries unsettled */
#define ATTEMPTS 2  /* the failure after which a message is dead */
#define COPIES 12   /* room in a queue; that it suffices is checked */

/* Ways to get it wrong. */
#define CHECKPOINT_BEFORE_CONFIRM      1
#define CHECKPOINT_AT_HIGHEST_CONFIRM  2   /* and not after the last line before which all are confirmed */
#define FORGET_UNCONFIRMED             3   /* a new session goes on with what is new */
#define ACK_BEFORE_EFFECT              4
#define ACK_BEFORE_MOVE_CONFIRMED      5
#define ACK_PAST_UNFINISHED            6   /* `multiple` from a finished one takes along what is before it */
#define ACK_ON_ANOTHER_CHANNEL         7   /* the tag of a lost channel means another delivery on the next one */
#define REQUEUE_AT_LIMIT               8   /* instead of moving to dead letters */
#define RETRY_AT_MOST_ONCE             9   /* the retry queue without at-least-once dead-lettering */
#define HAND_BACK_STARTED             10   /* a drain gives back what is done and not acked */
/* Order that cannot be promised: how it is lost. */
#define ORDER_AFTER_REFUSAL           11
#define ORDER_AFTER_DRAIN_CUT_SHORT   12
#define ORDER_WITH_CONCURRENCY        13   /* with CONCURRENT=1 */
#define wrong(name) (WRONG == name)

#define has(set, id) (((set) >> (id)) & 1)
#define add(set, id) set = (set) | (1 << (id))

/* --- producer --- */
byte saved      /* the checkpoint, on disk: lines before it are never sent again */
byte cursor     /* the next line to publish */
byte confirmed  /* set of lines whose confirm was seen */
byte prefix     /* all lines before it are confirmed */

/* --- its connection --- */
chan wire = [LINES] of { byte }  /* published, not yet taken by the broker */
byte confirms                    /* set of lines taken whose confirm is under way; confirms may overtake each other */
bool refused                     /* a nack or a return is under way: the session must end */

/* --- broker: survives its restart --- */
chan work = [COPIES] of { byte, byte }      /* ready: id, failed attempts */
chan returned = [COPIES] of { byte, byte }  /* ready again: handed out before `work`, in the order in which they came back */
chan waiting = [COPIES] of { byte, byte }   /* the retry queue */
byte dead                                   /* set of ids in dead letters */

/* --- consumer: its unsettled deliveries, oldest first; the same list is what the broker calls unacked --- */
mtype = { held, done, sent, moved }
#define none 0
typedef Delivery {
  mtype state  /* held: its handler has not ended. done: the effect is there. Or the handler failed, and a copy for the retry
                  queue or dead letters was sent, or is moved: stored there, and its confirm under way or seen. */
  byte id, failed
}
Delivery slot[PREFETCH + 1]  /* the last is always none */
byte holding                 /* slots in use */
bool draining
bool late                    /* for ACK_ON_ANOTHER_CHANNEL: a handler runs whose channel is lost */

/* --- the world, and what only the claims look at --- */
byte troubles   /* still to come */
byte poison     /* set of lines that no handler can do */
byte accepted   /* set of lines that the broker has taken */
byte effects    /* set of lines whose effect is there */
byte acked      /* set of lines of which a copy was acked after its effect */
byte slack      /* repeats allowed: what was in flight at each trouble, less the repeats there were */
bool unordered  /* after a retry, a refusal or a drain cut short order is not promised */

#ifdef BREADTH_FIRST
byte i, k, id, failed         /* that search takes no hidden variables */
#else
hidden byte i, k, id, failed  /* used within one step */
#endif

#define at(s) slot[s].state
#define next_held(s) (at(s) == held && (s == 0 || at(s - 1) != held || CONCURRENT))

inline put(queue) { assert(nfull(queue)); queue!id, failed }
#define violated(claim) printf(claim); assert(false)

/* A line is done or dead. For the second time: a repeat, and it must have been in flight when something went wrong. */
inline outcome(n) {
  if
  :: has(effects | dead, n) && slack == 0 -> violated("VIOLATED: a repeat of what was not in flight\n")
  :: else -> slack = slack - has(effects | dead, n)
  fi
}

/* === what goes wrong === */

inline empty_connection() {
  do :: nempty(wire) -> wire?id :: empty(wire) -> break od
  confirms = 0
  refused = false
}

/* The next session publishes again, in order, what is not confirmed. */
inline drop_session() {
  for (i : prefix .. LINES - 1) { slack = slack + (i < cursor && !has(confirmed, i)) }
  empty_connection()
  cursor = (wrong(FORGET_UNCONFIRMED) -> cursor : prefix)
}

/* The next process knows the checkpoint alone. */
inline crash_producer() {
  for (i : saved .. LINES - 1) { slack = slack + (i < cursor || has(confirmed, i)) }
  empty_connection()
  cursor = saved
  prefix = saved
  confirmed = (1 << saved) - 1
}

/* Takes a delivery off the list. */
inline forget(s) {
  for (k : s .. PREFETCH - 1) {
    slot[k].state = slot[k + 1].state; slot[k].id = slot[k + 1].id; slot[k].failed = slot[k + 1].failed
  }
  holding--
}

inline hand_back(s) {
  id = slot[s].id
  failed = slot[s].failed
  put(returned)
  forget(s)
}

/* Its process, its connection or its channel: the broker hands out again what was unsettled. */
inline lose_consumer() {
  unordered = unordered || (draining && holding > 0 && !wrong(ORDER_AFTER_DRAIN_CUT_SHORT))
  late = wrong(ACK_ON_ANOTHER_CHANNEL) && at(0) == held
  slack = slack + holding
  do :: holding > 0 -> hand_back(0) :: holding == 0 -> break od
  draining = false
}

/* The connection for moves: copies whose confirm was not seen are published again. */
inline drop_moves() {
  for (i : 0 .. PREFETCH - 1) {
    if :: at(i) == moved -> slack++; at(i) = sent :: else fi
  }
}

/* Takes nothing more and hands back what was not begun; what runs, if anything does, goes on. */
#define given_back(s) (at(s) == held && !(running && next_held(s)) || wrong(HAND_BACK_STARTED) && at(s) == done)
inline drain(running) {
  draining = true
  i = 0
  do
  :: i < holding && given_back(i) -> hand_back(i)
  :: i < holding && !given_back(i) -> i++
  :: i == holding -> break
  od
}

active proctype world() {
end: do
  :: atomic { troubles > 0 -> troubles--
       if
       :: d_step { printf("the producer's connection drops\n"); drop_session() }
       :: d_step { printf("the producer dies, another one starts\n"); crash_producer() }
       :: d_step { nempty(wire) && !refused -> wire?id; refused = true
            printf("the broker refuses line %d\n", id)
            unordered = unordered || !wrong(ORDER_AFTER_REFUSAL) }
       :: d_step { printf("the consumer is lost, another one starts\n"); lose_consumer() }
       :: d_step { printf("the connection for moves drops\n"); drop_moves(); skip }
       :: d_step { printf("the broker restarts\n"); drop_session(); lose_consumer() }
       :: d_step { nempty(waiting) -> printf("the broker restarts while a retry comes back\n")
            drop_session(); lose_consumer()
            if
            :: wrong(RETRY_AT_MOST_ONCE) -> waiting?id, failed
            :: !wrong(RETRY_AT_MOST_ONCE) -> waiting?<id, failed>; put(work); slack++
            fi }
       :: d_step { !draining -> printf("the consumer is told to stop\n"); drain(false); skip }
       :: d_step { !draining -> printf("the consumer is told to stop while a handler runs\n"); drain(true); skip }
       fi }
  od
}

/* === producer === */

#define safe (wrong(CHECKPOINT_BEFORE_CONFIRM) -> cursor : prefix)

inline see_confirm(n) {
  confirms = confirms & ~(1 << n)
  add(confirmed, n)
  do
  :: has(confirmed, prefix) || wrong(CHECKPOINT_AT_HIGHEST_CONFIRM) && prefix <= n -> prefix++
  :: else -> break
  od
}

active proctype producer() {
end: do
  :: d_step { cursor < LINES && cursor < prefix + WINDOW && cursor < saved + WINDOW + UNSAVED ->
       if :: has(confirmed, cursor) :: else -> wire!cursor; printf("line %d is published\n", cursor) fi
       cursor++ }
  :: d_step { saved < safe -> /* written, synced, renamed: it is the old one or the new one */
       saved = safe
       printf("the checkpoint is at line %d\n", saved) }
  :: d_step { refused -> drop_session() }
  od
}

/* === broker === */

inline deliver() {
  printf("line %d is delivered\n", id)
  slot[holding].state = held; slot[holding].id = id; slot[holding].failed = failed
  holding++
}

active proctype broker() {
end: do
  :: d_step { nempty(wire) -> wire?id; failed = 0
       printf("the broker takes line %d\n", id)
       put(work)
       add(accepted, id)
       add(confirms, id) }
  :: d_step { nempty(waiting) -> waiting?id, failed; put(work); printf("the delay of line %d is over\n", id) }
  :: d_step { !draining && holding < PREFETCH && (nempty(returned) || nempty(work)) -> /* as many as the prefetch allows */
       do
       :: holding < PREFETCH && nempty(returned) -> returned?id, failed; deliver()
       :: holding < PREFETCH && empty(returned) && nempty(work) -> work?id, failed; deliver()
       :: holding == PREFETCH || empty(returned) && empty(work) -> break
       od
       skip }
  od
}

/* === consumer === */

#define may_ack(s) ((s == 0 || wrong(ACK_PAST_UNFINISHED)) && (at(s) == done || at(s) == moved \
  || wrong(ACK_BEFORE_EFFECT) && at(s) == held || wrong(ACK_BEFORE_MOVE_CONFIRMED) && at(s) == sent))

inline ack() {
  printf("line %d is acked\n", slot[0].id)
  acked = acked | ((at(0) == done) << slot[0].id)
  forget(0)
}

/* What may become of the delivery in place `s`. */
proctype place(byte s) {
end: do
  :: d_step { next_held(s) && !has(poison, slot[s].id) -> /* the handler's effect, written and synced */
       printf("the effect of line %d is there\n", slot[s].id)
       if
       :: !unordered && (~effects & ((1 << slot[s].id) - 1)) -> violated("VIOLATED: a line comes before an earlier one\n")
       :: else
       fi
       outcome(slot[s].id)
       add(effects, slot[s].id)
       at(s) = done }
  :: d_step { next_held(s) && (has(poison, slot[s].id) || troubles > 0) ->
       printf("the handler fails on line %d\n", slot[s].id)
       troubles = troubles - !has(poison, slot[s].id)
       unordered = true
       if
       :: wrong(REQUEUE_AT_LIMIT) && slot[s].failed + 1 == ATTEMPTS -> hand_back(s)
       :: else -> at(s) = sent
       fi }
  :: d_step { at(s) == sent -> /* the broker takes the copy */
       id = slot[s].id
       failed = slot[s].failed + 1
       if
       :: failed < ATTEMPTS -> put(waiting); printf("line %d is in the retry queue\n", id)
       :: else -> outcome(id); add(dead, id); printf("line %d is in dead letters\n", id)
       fi
       at(s) = moved }
  :: d_step { may_ack(s) -> /* only ever the oldest: acks go out for the contiguous finished prefix */
       for (i : 0 .. s) { ack() }
       skip }
  :: d_step { draining && next_held(s) -> /* the grace period is nearly over: the handler gives up */
       printf("line %d is handed back\n", slot[s].id)
       hand_back(s)
       unordered = unordered || !wrong(ORDER_AFTER_DRAIN_CUT_SHORT) }
  od
}

active proctype consumer() {
end: do
  :: d_step { draining && holding == 0 -> draining = false; printf("the consumer exits, another one starts\n") }
  :: d_step { late && holding > 0 -> late = false; ack() }
  od
}

/* === claims: these, those at `outcome` (repeats) and at the effect (order), and that every run ends === */

#define ready(n) (work??[eval(n), 0] || work??[eval(n), 1] || returned??[eval(n), 0] || returned??[eval(n), 1])
#define in_flight(n) (at(0) != none && slot[0].id == n || at(1) != none && slot[1].id == n)
/* Conservation: what the broker took is ready, in flight, waiting for retry, acked or dead. */
#define kept(n) (ready(n) || in_flight(n) || waiting??[eval(n), 1] || has(acked | dead, n))

proctype line(byte n) {
end: do
  :: d_step { has(confirms, n) -> printf("line %d is confirmed\n", n); see_confirm(n); skip }
  :: atomic { has(accepted, n) && !kept(n) -> violated("VIOLATED: a line that the broker took is gone\n") }
  :: atomic { !has(accepted, n) && kept(n) -> violated("VIOLATED: a line is there that the broker never took\n") }
  :: atomic { n < saved && !has(accepted, n) -> violated("VIOLATED: the checkpoint has passed an unconfirmed line\n") }
  od
}

/* Nothing more can happen: every line is sent, and done or dead. */
active proctype finally() {
  timeout
  if
  :: saved < LINES || (effects | dead) != (1 << LINES) - 1 -> violated("VIOLATED: a line is not sent, or neither done nor dead\n")
  :: else
  fi
}

init {
  byte n
  atomic {
    for (n : 0 .. LINES - 1) { run line(n) }
    for (n : 0 .. PREFETCH - 1) { run place(n) }
    unordered = CONCURRENT && !wrong(ORDER_WITH_CONCURRENCY)
    select (n : 0 .. TROUBLES)
    troubles = n
    if
    :: true
    :: troubles > 0 -> troubles--; select (n : 0 .. LINES - 1); add(poison, n); printf("no handler can do line %d\n", n)
    fi
    n = 0
  }
}
