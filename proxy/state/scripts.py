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
-- KEYS: slots, then who wants each of them. ARGV: lease, beginning of the channels of members
local count = #KEYS / 2
for i = 1, count do
  redis.call('ZREM', KEYS[i], ARGV[1])
  local members = redis.call('SMEMBERS', KEYS[count + i])
  if #members > 0 then
    redis.call('DEL', KEYS[count + i])
  end
  for _, member in ipairs(members) do
    redis.call('PUBLISH', ARGV[2] .. member, '')
  end
end
"""

_LINE: Final = """
-- KEYS: line, members, ... ARGV: name of the line, id, member, beginning of the channels of members, ...
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local line, members, id, member = KEYS[1], KEYS[2], ARGV[2], ARGV[3]
local place = member .. ' ' .. id
redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
local function first()
  while true do
    local found = redis.call('ZRANGE', line, 0, 0)[1]
    if not found then
      return nil
    end
    local whose = string.match(found, '^[^ ]+')
    if redis.call('ZSCORE', members, whose) then
      return found, whose
    end
    redis.call('ZREM', line, found)
  end
end
local function tell(found, whose)
  redis.call('PUBLISH', ARGV[4] .. whose, string.sub(found, #whose + 2) .. ' ' .. ARGV[1])
end
"""

LEAVE: Final = (
    _LINE
    + """
if first() ~= place then
  redis.call('ZREM', line, place)
  return
end
redis.call('ZREM', line, place)
local found, whose = first()
if found and whose ~= member then
  tell(found, whose)
end
"""
)

STAND: Final = (
    _LINE
    + """
-- KEYS: ..., numbers. ARGV: ..., priority, number or 0, time of a member, time of a line
redis.call('ZADD', members, now + ARGV[7], member)
redis.call('PEXPIRE', members, ARGV[8])
local base = ARGV[5] * 17592186044416
local number = tonumber(ARGV[6])
local score = redis.call('ZSCORE', line, place)
if score then
  number = tonumber(score) - base
else
  local last = tonumber(redis.call('GET', KEYS[3]) or 0)
  if number == 0 then
    number = last + 1
  end
  redis.call('ZADD', line, string.format('%.0f', base + number), place)
  redis.call('SET', KEYS[3], string.format('%.0f', math.max(last, number)))
end
redis.call('PEXPIRE', line, ARGV[8])
redis.call('PEXPIRE', KEYS[3], ARGV[8])
"""
)

STOOD: Final = STAND + "return number"

ENTER: Final = (
    "local function reserve(KEYS, ARGV)"
    + RESERVE
    + "end"
    + STAND
    + """
-- KEYS: ..., counters, slots, who wants each slot. ARGV: ..., number of slots, what RESERVE takes
local slots, counters = tonumber(ARGV[9]), tonumber(ARGV[11])
local found, whose = first()
if found ~= place then
  tell(found, whose)
  return {number, counters + slots + 1, {}, {}, {}}
end
local keys, arguments = {}, {}
for i = 1, counters + slots do
  keys[i] = KEYS[3 + i]
end
for i = 10, #ARGV do
  arguments[i - 9] = ARGV[i]
end
local reserved = reserve(keys, arguments)
local refused = reserved[1]
if refused > counters then
  local wanted = KEYS[3 + slots + refused]
  redis.call('SADD', wanted, member)
  redis.call('PEXPIRE', wanted, ARGV[8])
elseif refused == 0 then
  redis.call('ZREM', line, place)
  found, whose = first()
  if found and whose ~= member then
    tell(found, whose)
  end
end
return {number, unpack(reserved)}
"""
)

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
