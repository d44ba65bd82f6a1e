/*
 * The delivery contract as a protocol: a producer sends the lines of a file, a broker keeps them, a consumer settles them, and
 * anything may go wrong between any two steps. The checker walks every order in which the steps can happen.
 *
 * Read `producer`, `broker`, `place` and `consumer` for the steps that work, `world` for what goes wrong, `line` and `finally`
 * for the claims. A `d_step` happens whole or not at all. What is left out and why, and how to run it: README.md.
 * Each #ifdef is a way to get it wrong that the checker must find out.
 */
#ifndef LINES
#define LINES 2     /* of the file, at most 3; a line's id is its number */
#endif
#ifndef TROUBLES
#define TROUBLES 3  /* how often something goes wrong in one run, at most */
#endif
#define WINDOW 2    /* the most lines published and not confirmed */
#define UNSAVED 1   /* the most lines confirmed and not in the checkpoint */
#define PREFETCH 2  /* the most deliveries unsettled */
#define ATTEMPTS 2  /* the failure after which a message is dead */
#define COPIES 12   /* room in a queue; that it suffices is checked */

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
  byte id
  byte failed
}
Delivery slot[PREFETCH]
byte holding    /* slots in use */
bool draining

/* --- the world, and what only the claims look at --- */
byte troubles   /* still to come */
byte poison     /* set of lines that no handler can do */
byte accepted   /* set of lines that the broker has taken */
byte effects    /* set of lines whose effect is there */
byte acked      /* set of lines of which a copy was acked after its effect */
byte slack      /* repeats allowed: what was in flight at each trouble, less the repeats there were */
bool unordered  /* order is no longer promised: after a retry, a refusal, a drain cut short */
#ifdef ACK_ON_ANOTHER_CHANNEL
bool late       /* a handler that began before its channel was lost still runs */
#endif

#ifdef SHORTEST
byte i, k, id, failed  /* breadth-first search takes no hidden variables */
#else
hidden byte i, k, id, failed  /* used within one step */
#endif

#define at(s) slot[s].state
#define first_held(s) (at(s) == held && (s == 0 || at(s - 1) != held))

inline put(queue) { assert(nfull(queue)); queue!id, failed }

/* A line is done or dead. For the second time: a repeat, and it must have been in flight when something went wrong. */
inline outcome(n) {
  if
  :: has(effects | dead, n) -> assert(slack > 0); slack--
  :: else
  fi
}

/* === what goes wrong === */

inline empty_connection() {
  do
  :: nempty(wire) -> wire?id
  :: empty(wire) -> break
  od
  confirms = 0
  refused = false
}

/* The next session publishes again, in order, what is not confirmed. */
inline drop_session() {
  for (i : prefix .. LINES - 1) {
    if
    :: i < cursor && !has(confirmed, i) -> slack++
    :: else
    fi
  }
  empty_connection()
#ifndef FORGET_UNCONFIRMED
  cursor = prefix
#endif
}

/* The next process knows the checkpoint alone. */
inline crash_producer() {
  for (i : saved .. LINES - 1) {
    if
    :: i < cursor || has(confirmed, i) -> slack++
    :: else
    fi
  }
  empty_connection()
  cursor = saved
  prefix = saved
  confirmed = (1 << saved) - 1
}

/* Takes a delivery off the list. */
inline forget(s) {
  holding--
  for (k : s .. PREFETCH - 1) {
    if
    :: k < holding ->
       slot[k].state = slot[k + 1].state; slot[k].id = slot[k + 1].id; slot[k].failed = slot[k + 1].failed
    :: else -> slot[k].state = none; slot[k].id = 0; slot[k].failed = 0
    fi
  }
}

inline hand_back(s) {
  id = slot[s].id
  failed = slot[s].failed
  put(returned)
  forget(s)
}

/* Its process, its connection or its channel. The broker hands out again what was unsettled. */
inline lose_consumer() {
#ifndef ORDER_IN_ANY_DRAIN
  unordered = unordered || (draining && holding > 0)
#endif
#ifdef ACK_ON_ANOTHER_CHANNEL
  late = at(0) == held
#endif
  slack = slack + holding
  do
  :: holding > 0 -> hand_back(0)
  :: else -> break
  od
  draining = false
}

/* The connection for moves. Copies whose confirm was not seen are published again. */
inline drop_moves() {
  for (i : 0 .. PREFETCH - 1) {
    if
    :: at(i) == moved -> slack++; at(i) = sent
    :: else
    fi
  }
}

/* Takes nothing more and hands back what was not begun; what runs, if anything does, goes on. */
inline drain(running) {
  draining = true
  i = 0
  do
#ifdef HAND_BACK_STARTED
  :: i < holding && at(i) != moved && at(i) != sent -> hand_back(i)
  :: i < holding && (at(i) == moved || at(i) == sent) -> i++
#else
  :: i < holding && at(i) == held && !(running && first_held(i)) -> hand_back(i)
  :: i < holding && !(at(i) == held && !(running && first_held(i))) -> i++
#endif
  :: i == holding -> break
  od
}

active proctype world() {
end: do
  :: atomic { troubles > 0 -> troubles--
       if
       :: d_step { printf("the producer's connection drops\n"); drop_session(); skip }
       :: d_step { printf("the producer dies and starts again\n"); crash_producer(); skip }
       :: d_step { nempty(wire) && !refused -> wire?id; refused = true
            printf("the broker refuses line %d\n", id)
#ifndef ORDER_ACROSS_REFUSALS
            unordered = true
#endif
          }
       :: d_step { printf("the consumer is lost, another one starts\n"); lose_consumer(); skip }
       :: d_step { printf("the connection for moves drops\n"); drop_moves(); skip }
       :: d_step { printf("the broker restarts\n"); drop_session(); lose_consumer(); skip }
       :: d_step { nempty(waiting) -> printf("the broker restarts while a retry comes back\n"); drop_session(); lose_consumer()
#ifdef RETRY_AT_MOST_ONCE
            waiting?id, failed
#else
            waiting?<id, failed>; put(work); slack++
#endif
          }
       :: d_step { !draining -> printf("the consumer is told to stop\n"); drain(false); skip }
       :: d_step { !draining -> printf("the consumer is told to stop while a handler runs\n"); drain(true); skip }
       fi }
  od
}

/* === producer === */

#if defined(CHECKPOINT_BEFORE_CONFIRM)
#define safe cursor
#elif defined(CHECKPOINT_AT_HIGHEST_CONFIRM)
#define safe (has(confirmed, 2) -> 3 : (has(confirmed, 1) -> 2 : prefix))
#else
#define safe prefix
#endif

inline see_confirm(n) {
  confirms = confirms & ~(1 << n)
  add(confirmed, n)
  do
  :: has(confirmed, prefix) -> prefix++
  :: else -> break
  od
}

active proctype producer() {
end: do
  :: d_step { cursor < LINES && cursor < prefix + WINDOW && cursor < saved + WINDOW + UNSAVED ->
       if
       :: has(confirmed, cursor)
       :: else -> wire!cursor; printf("line %d is published\n", cursor)
       fi
       cursor++ }
  :: d_step { saved < safe -> saved = safe; printf("the checkpoint is now %d\n", saved) }  /* synced and renamed: old or new */
  :: d_step { refused -> drop_session(); skip }
  od
}

/* === broker === */

active proctype broker() {
end: do
  :: d_step { nempty(wire) -> wire?id; failed = 0; put(work); add(accepted, id); add(confirms, id)
       printf("the broker takes line %d\n", id) }
  :: d_step { nempty(waiting) -> waiting?id, failed; put(work); printf("the delay of line %d is over\n", id) }
  :: d_step { !draining && holding < PREFETCH && (nempty(returned) || nempty(work)) ->
       if
       :: nempty(returned) -> returned?id, failed
       :: empty(returned) -> work?id, failed
       fi
       slot[holding].state = held; slot[holding].id = id; slot[holding].failed = failed
       holding++
       printf("line %d is delivered\n", id) }
  od
}

/* === consumer === */

#define finished(s) (at(s) == done || at(s) == moved)
#if defined(ACK_BEFORE_EFFECT)
#define may_ack(s) (s == 0 && at(s) != none)
#elif defined(ACK_BEFORE_MOVE_CONFIRMED)
#define may_ack(s) (s == 0 && (finished(s) || at(s) == sent))
#elif defined(ACK_PAST_UNFINISHED)
#define may_ack(s) finished(s)
#else
#define may_ack(s) (s == 0 && finished(s))
#endif

inline ack(s) {
  printf("line %d is acked\n", slot[s].id)
  if
  :: at(s) == done -> add(acked, slot[s].id)
  :: else
  fi
  forget(s)
}

/* What may become of the delivery in place `s`. Handlers run one after the other. */
proctype place(byte s) {
end: do
  :: d_step { first_held(s) && !has(poison, slot[s].id) -> /* the handler's effect, written and synced */
       printf("the effect of line %d is there\n", slot[s].id)
       assert(unordered || (effects | -1 << slot[s].id) == -1)
       outcome(slot[s].id)
       add(effects, slot[s].id)
       at(s) = done }
  :: d_step { first_held(s) && (has(poison, slot[s].id) || troubles > 0) ->
       printf("the handler fails on line %d\n", slot[s].id)
       if
       :: has(poison, slot[s].id)
       :: else -> troubles--
       fi
       unordered = true
#ifdef REQUEUE_AT_LIMIT
       if
       :: slot[s].failed + 1 < ATTEMPTS -> at(s) = sent
       :: else -> hand_back(s)
       fi
#else
       at(s) = sent
#endif
     }
  :: d_step { at(s) == sent -> /* the broker takes the copy */
       id = slot[s].id
       failed = slot[s].failed + 1
       if
       :: failed < ATTEMPTS -> put(waiting); printf("line %d is in the retry queue\n", id)
       :: else -> outcome(id); add(dead, id); printf("line %d is in dead letters\n", id)
       fi
       at(s) = moved }
  :: d_step { may_ack(s) -> /* only ever the contiguous finished prefix */
#ifdef ACK_PAST_UNFINISHED
       for (i : 1 .. s) { ack(0) }  /* `multiple` takes along all before it */
       ack(0)
#else
       ack(s)
#endif
       skip }
  :: d_step { draining && first_held(s) -> /* the grace period is nearly over, and the handler gives up */
       printf("line %d is handed back\n", slot[s].id)
       hand_back(s)
#ifndef ORDER_IN_ANY_DRAIN
       unordered = true
#endif
     }
  od
}

active proctype consumer() {
end: do
  :: d_step { draining && holding == 0 -> draining = false; printf("the consumer exits, another one starts\n") }
#ifdef ACK_ON_ANOTHER_CHANNEL
  :: d_step { late && holding > 0 -> late = false; ack(0); skip }  /* its tag means another delivery there */
#endif
  od
}

/* === claims; the rest stands at `outcome` and at the effect === */

#define ready(n) (work??[eval(n), 0] || work??[eval(n), 1] || returned??[eval(n), 0] || returned??[eval(n), 1])
#define in_flight(n) ((at(0) != none && slot[0].id == n) || (at(1) != none && slot[1].id == n))
#define kept(n) (ready(n) || in_flight(n) || waiting??[eval(n), 1] || has(acked | dead, n))

proctype line(byte n) {
end: do
  :: d_step { has(confirms, n) -> see_confirm(n); printf("line %d is confirmed\n", n) }
  :: atomic { has(accepted, n) != kept(n) -> assert(false) }  /* conservation */
  :: atomic { n < saved && !has(accepted, n) -> assert(false) }  /* the checkpoint never passes an unconfirmed line */
  od
}

/* Nothing more can happen: every line is sent, and done or dead. */
active proctype finally() {
  timeout -> assert(saved == LINES && (effects | dead) == (1 << LINES) - 1)
}

init {
  atomic {
    for (i : 0 .. LINES - 1) { run line(i) }
    for (i : 0 .. PREFETCH - 1) { run place(i) }
    select (i : 0 .. TROUBLES)
    troubles = i
    if
    :: true
    :: troubles > 0 -> troubles--; select (i : 0 .. LINES - 1); add(poison, i)
    fi
    i = 0
  }
}
