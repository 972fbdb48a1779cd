import { expect, it } from 'vitest';
import { fillIn, splitCommand } from './command-line.ts';

it('splits at blanks, and keeps together what is quoted or escaped', () => {
  expect(splitCommand(`client  -h {host} -m 'two words' "it's" a\\ b ''`)).toEqual(['client', '-h', '{host}', '-m', 'two words', "it's", 'a b', '']);
});

it('gives nothing to a shell', () => {
  expect(splitCommand('client $HOME *.pem `id` a|b ; c')).toEqual(['client', '$HOME', '*.pem', '`id`', 'a|b', ';', 'c']);
});

it.each([
  ["client 'open", 'open \''],
  ['   ', 'is empty'],
  ['client {hots}', '{hots}, which is not known: use {host}'],
])('refuses %j in one line', (command, words) => {
  expect(() => splitCommand(command)).toThrow(words);
});

it('fills in every placeholder, also within a word and twice', () => {
  const values = { host: 'h', port: '1', ca: 'c', cert: 'd', key: 'k', crl: 'l', client_id: 'i', url: 'u', dir: 'f' };
  expect(fillIn(['mqtts://{host}:{port}', '{host}{host}', '{client_id}', '{url}', 'plain'], values)).toEqual(['mqtts://h:1', 'hh', 'i', 'u', 'plain']);
});
