import { describe, expect, it } from 'vitest';
import { fillIn, matchesFilter, sharedFilter } from './topics.ts';

describe('a filter', () => {
  // MQTT 3.1.1, 4.7.1 and 4.7.2, and MQTT 5, 4.8.2: their own examples.
  it.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['#', 'any/thing', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+', 'sport', true],
    ['+/tennis/#', 'sport/tennis', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/broker', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/broker', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['ACCOUNTS', 'Accounts', false],
    ['sport', 'sport/tennis', false],
    ['a//b', 'a//b', true],
    ['a/+/b', 'a//b', true],
  ])('%s asks for %s: %s', (filter, topic, asks) => {
    expect(matchesFilter(filter, topic)).toBe(asks);
  });

  it.each([
    ['$share/consumer1/sport/tennis/+', { group: 'consumer1', filter: 'sport/tennis/+' }],
    ['$share/consumer1//finance', { group: 'consumer1', filter: '/finance' }],
    ['$share/consumer1/#', { group: 'consumer1', filter: '#' }],
    ['$share/consumer1', { group: '', filter: '$share/consumer1' }],
    ['sport/$share/x/y', { group: '', filter: 'sport/$share/x/y' }],
  ])('%s is shared so', (written, meant) => {
    expect(sharedFilter(written)).toEqual(meant);
  });
});

describe('a template', () => {
  it('takes the names that it is given and leaves all else', () => {
    expect(fillIn('{group}/{n}/{n}/{other}/{toString}/{}', { group: 'a', n: 0 })).toBe('a/0/0/{other}/{toString}/{}');
  });
});
