package asynq

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/omnicrm/omnicrm/crm"
)

// Which tickets lie in Redis is kept beside Asynq, in a set for each kind and
// queue, until they are taken or ticketLife is over: a ticket that comes again is
// not doubled, from whatever process it comes, and it is known how many there
// are. A set that is lost with the rest of Redis is no harm.
const (
	// ticketLife is how long a ticket counts as lying in Redis. It bounds how late
	// a job is that died with a process which had fetched it.
	ticketLife = 5 * time.Second
	// As many tickets of a kind lie in a queue as were taken within horizon, at
	// least fewest and at most most: a new one waits about that long for those
	// before it. Where the queue ran dry, or nearly, nobody waits, and it is three
	// times as many: else a machine that is slow for a moment would stay slow.
	horizon       = 300 * time.Millisecond
	fewest, most  = 4, 1_000
	windowEvery   = 50 * time.Millisecond
	forgetWindows = time.Hour
)

// offerScript marks tickets as lying in Redis as far as there is room. It returns
// the room in all, and for each ticket 0 (it lies there), 1 (marked) or 2 (no room).
// Times are the server's.
var offerScript = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local life, horizon, every = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local fewest, most, forget = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local p = redis.call('HMGET', KEYS[2], 'taken', 'seen', 'at', 'window')
local taken, seen, at, window = tonumber(p[1] or 0), tonumber(p[2] or 0), tonumber(p[3] or 0), tonumber(p[4] or fewest)
local passed = now - at
if passed >= every then
	local pace = (taken - seen) * horizon / passed
	if redis.call('ZCARD', KEYS[1]) * 4 <= window then
		pace = pace * 3
	end
	window = math.floor(math.max(fewest, math.min(most, math.max(pace, window / 2))))
	redis.call('HSET', KEYS[2], 'seen', taken, 'at', now, 'window', window)
	redis.call('PEXPIRE', KEYS[2], forget)
end
local room = window - redis.call('ZCARD', KEYS[1])
local answers = {}
for i = 7, #ARGV do
	if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
		answers[#answers + 1] = 0
	elseif room > 0 then
		room = room - 1
		redis.call('ZADD', KEYS[1], now + life, ARGV[i])
		answers[#answers + 1] = 1
	else
		answers[#answers + 1] = 2
	end
end
redis.call('PEXPIRE', KEYS[1], life)
return {window, answers}
`)

// takenScript unmarks tickets and counts those that were taken.
var takenScript = redis.NewScript(`
redis.call('HINCRBY', KEYS[2], 'taken', ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
for i = 3, #ARGV do
	redis.call('ZREM', KEYS[1], ARGV[i])
end
return 1
`)

// aliveScript counts the tickets that are marked.
var aliveScript = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local alive = 0
for i = 1, #ARGV do
	local ends = redis.call('ZSCORE', KEYS[1], ARGV[i])
	if ends and tonumber(ends) > now then
		alive = alive + 1
	end
end
return alive
`)

// windowKeys are the set of tickets and the pace of a kind in a queue. They lie
// together in a cluster.
func windowKeys(queue string, kind crm.JobKind) []string {
	prefix := "omnicrm:{" + queue + "}:" + string(kind)
	return []string{prefix + ":waiting", prefix + ":pace"}
}

// offer marks tickets and returns the room in all and an answer for each.
func (q *Queue) offer(ctx context.Context, queue string, kind crm.JobKind, tickets []crm.JobTicket) (window int, answers []int64, err error) {
	args := []any{
		ticketLife.Milliseconds(), horizon.Milliseconds(), windowEvery.Milliseconds(), fewest, most, forgetWindows.Milliseconds(),
	}
	reply, err := offerScript.Run(ctx, q.redis, windowKeys(queue, kind), append(args, idsOf(tickets)...)...).Slice()
	if err != nil {
		return 0, nil, err
	}
	if len(reply) == 2 {
		n, _ := reply[0].(int64)
		list, _ := reply[1].([]any)
		for _, answer := range list {
			a, _ := answer.(int64)
			answers = append(answers, a)
		}
		window = int(n)
	}
	if len(answers) != len(tickets) {
		return 0, nil, fmt.Errorf("got %d answers for %d tickets", len(answers), len(tickets))
	}
	return window, answers, nil
}

// unmark takes tickets out of the set, of which so many were taken.
func (q *Queue) unmark(ctx context.Context, queue string, kind crm.JobKind, taken int, tickets []crm.JobTicket) error {
	args := []any{taken, forgetWindows.Milliseconds()}
	return takenScript.Run(ctx, q.redis, windowKeys(queue, kind), append(args, idsOf(tickets)...)...).Err()
}

// alive counts the tickets that still count as lying in Redis.
func (q *Queue) alive(ctx context.Context, queue string, kind crm.JobKind, tickets []crm.JobTicket) (int, error) {
	return aliveScript.Run(ctx, q.redis, windowKeys(queue, kind), idsOf(tickets)...).Int()
}

func idsOf(tickets []crm.JobTicket) []any {
	ids := make([]any, len(tickets))
	for i, t := range tickets {
		ids[i] = t.Job.String()
	}
	return ids
}
