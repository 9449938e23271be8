"""What Redis does in one step, as Lua. Times are in milliseconds of the server's clock.

The keys of a script share their hash tag, so that a cluster has them on one node.
"""

from typing import Final

RESERVE: Final = """
-- KEYS: counters, then slots
-- ARGV: lease, number of counters; of each counter amount, limit, window; of each slot limit, time
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local counters = tonumber(ARGV[2])
local totals, lefts, resets, taken, refused = {}, {}, {}, {}, 0
for i = 1, counters do
  totals[i] = redis.call('GET', KEYS[i]) or '0'
  lefts[i] = redis.call('PTTL', KEYS[i])
  resets[i] = lefts[i] < 0 and tonumber(ARGV[3 * i + 2]) or lefts[i]
  if refused == 0 and tonumber(totals[i]) + tonumber(ARGV[3 * i]) > tonumber(ARGV[3 * i + 1]) then
    refused = i
  end
end
local first = 3 * counters + 3
for i = counters + 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  local limit = tonumber(ARGV[first + 2 * (i - counters - 1)])
  taken[i - counters] = redis.call('ZCARD', KEYS[i])
  if refused == 0 and taken[i - counters] >= limit then
    refused = i
  end
end
if refused ~= 0 then
  return {refused, totals, resets, taken}
end
for i = 1, counters do
  if tonumber(ARGV[3 * i]) ~= 0 then
    totals[i] = redis.call('INCRBYFLOAT', KEYS[i], ARGV[3 * i])
    if lefts[i] < 0 then
      redis.call('PEXPIRE', KEYS[i], resets[i])
    end
  end
end
for i = counters + 1, #KEYS do
  local time = tonumber(ARGV[first + 2 * (i - counters - 1) + 1])
  redis.call('ZADD', KEYS[i], now + time, ARGV[1])
  taken[i - counters] = taken[i - counters] + 1
  redis.call('PEXPIRE', KEYS[i], math.max(time, redis.call('PTTL', KEYS[i])))
end
return {0, totals, resets, taken}
"""

RENEW: Final = """
-- KEYS: slots. ARGV: lease, time
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('ZSCORE', key, ARGV[1]) or 0) <= now then
    for _, held in ipairs(KEYS) do
      redis.call('ZREM', held, ARGV[1])
    end
    return 0
  end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', key, math.max(tonumber(ARGV[2]), redis.call('PTTL', key)))
end
return 1
"""

RELEASE: Final = """
-- KEYS: slots. ARGV: lease
for _, key in ipairs(KEYS) do
  redis.call('ZREM', key, ARGV[1])
end
"""

SWAP: Final = """
-- KEYS: document. ARGV: whether there is an old one, it, whether there is a new one, it, time (0: for ever)
local current = redis.call('GET', KEYS[1])
if (ARGV[1] == '1') ~= (current ~= false) or (current and current ~= ARGV[2]) then
  return 0
end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
elseif ARGV[5] == '0' then
  redis.call('SET', KEYS[1], ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
end
return 1
"""

PUSH: Final = """
-- KEYS: queue. ARGV: item, limit
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[1])
return 1
"""

POP: Final = """
-- KEYS: queue. ARGV: count
local items = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
redis.call('LTRIM', KEYS[1], ARGV[1], -1)
return items
"""
