/**
 * The table that says which segments there are: a DynamoDB table with partition key `project` and sort key `place`, both
 * texts. Each operation is one try; errors are RemoteErrors. A row holds nothing readable: ids that were drawn, lengths.
 */
import type { AttributeValue, DynamoDB } from '@aws-sdk/client-dynamodb';
import { RemoteError } from '../errors.ts';
import type { RemoteAddress } from './address.ts';
import { ask, clientOptions, hushSdk } from './request.ts';

/** One segment. */
export interface Row {
  readonly projectId: string;
  /** 32 hex digits: who wrote it. */
  readonly writerId: string;
  readonly ordinal: number;
  readonly segmentId: string;
  readonly bytes: number;
  /** It took another's place of the same ordinal. */
  readonly rewritten: boolean;
}

export interface Table {
  /** REMOTE_MISSING when there is no such table, REMOTE_ADDRESS when its keys are others. */
  check(): Promise<void>;
  /** The row that is there instead when that place is taken by another segment. */
  putNew(row: Row): Promise<Row | undefined>;
  get(row: Pick<Row, 'projectId' | 'writerId' | 'ordinal' | 'segmentId' | 'rewritten'>): Promise<Row | undefined>;
  /** In the order of writers and ordinals. `writerId`: only its. */
  list(projectId: string, writerId?: string): AsyncGenerator<Row>;
  remove(row: Row): Promise<void>;
  close(): void;
}

type Item = Record<string, AttributeValue>;

/** Loads the SDK. `requestMs`: the longest that one request may take. */
export async function openTable(address: RemoteAddress, requestMs: number): Promise<Table> {
  hushSdk();
  const { DynamoDB: Client } = await import('@aws-sdk/client-dynamodb');
  const client = new Client(clientOptions(address.region, address.dynamodbEndpoint, requestMs));
  const place = `table ${address.table}${address.dynamodbEndpoint === undefined ? '' : ` at ${address.dynamodbEndpoint}`}`;
  return tableOf(client, address.table, place);
}

function tableOf(client: DynamoDB, TableName: string, place: string): Table {
  return {
    check: () => ask(place, async () => {
      const { KeySchema = [] } = (await client.describeTable({ TableName })).Table ?? {};
      const keys = KeySchema.map(({ AttributeName, KeyType }) => `${KeyType} ${AttributeName}`).sort().join(', ');
      if (keys !== 'HASH project, RANGE place') throw new RemoteError('REMOTE_ADDRESS', `${place}: its keys are not 'project' and 'place': make a table as docs/remote.md says`);
    }),
    putNew: async (row) => {
      const written = await ask(place, async () => {
        await client.putItem({ TableName, Item: itemOf(row), ConditionExpression: 'attribute_not_exists(#place)', ExpressionAttributeNames: { '#place': 'place' } });
        return true;
      }, ({ name }) => (name === 'ConditionalCheckFailedException' ? [false] : undefined));
      if (written) return undefined;
      const there = await getRow(row);
      if (!there) throw new RemoteError('REMOTE_UNREACHABLE', `${place}: a row came and went`);
      return there.segmentId === row.segmentId && there.bytes === row.bytes ? undefined : there;
    },
    get: getRow,
    list: async function* (projectId, writerId = '') {
      for (let from: Item | undefined, more = true; more; more = from !== undefined) {
        const page = await ask(place, () =>
          client.query({
            TableName,
            ConsistentRead: true,
            KeyConditionExpression: writerId === '' ? '#project = :project' : '#project = :project AND begins_with(#place, :writer)',
            ExpressionAttributeNames: { '#project': 'project', ...(writerId !== '' && { '#place': 'place' }) },
            ExpressionAttributeValues: { ':project': { S: projectId }, ...(writerId !== '' && { ':writer': { S: `${writerId}/` } }) },
            ...(from && { ExclusiveStartKey: from }),
          }));
        for (const item of page.Items ?? []) yield rowOf(item, place);
        from = page.LastEvaluatedKey;
      }
    },
    remove: (row) => ask(place, async () => { await client.deleteItem({ TableName, Key: keyOf(row) }); }),
    close: () => client.destroy(),
  };

  function getRow(row: Parameters<Table['get']>[0]): Promise<Row | undefined> {
    return ask(place, async () => {
      const { Item } = await client.getItem({ TableName, Key: keyOf(row), ConsistentRead: true });
      return Item && rowOf(Item, place);
    });
  }
}

const PLACE = /^([0-9a-f]{32})\/(\d{12})(?:\/([0-9a-f]{32}))?$/;

function keyOf({ projectId, writerId, ordinal, segmentId, rewritten }: Parameters<Table['get']>[0]): { project: { S: string }; place: { S: string } } {
  const place = `${writerId}/${String(ordinal).padStart(12, '0')}${rewritten ? `/${segmentId}` : ''}`;
  return { project: { S: projectId }, place: { S: place } };
}

function itemOf(row: Row): Item {
  return { ...keyOf(row), segment: { S: row.segmentId }, bytes: { N: String(row.bytes) }, version: { N: '1' } };
}

/** STORE_DAMAGED's place is a file's: a row that is none of ours is REMOTE_FAILED. */
function rowOf(item: Item, place: string): Row {
  const [, writerId, ordinal, rewrittenId] = PLACE.exec(item['place']?.S ?? '') ?? [];
  const segmentId = item['segment']?.S ?? '';
  const bytes = Number(item['bytes']?.N);
  const isOurs = writerId !== undefined && /^[0-9a-f]{32}$/.test(segmentId) && Number.isSafeInteger(bytes) && bytes > 0 && item['version']?.N === '1';
  if (!isOurs || (rewrittenId !== undefined && rewrittenId !== segmentId)) throw new RemoteError('REMOTE_FAILED', `${place}: row ${item['place']?.S ?? '?'} is none of thrum's, or was altered`);
  return { projectId: item['project']!.S!, writerId, ordinal: Number(ordinal), segmentId, bytes, rewritten: rewrittenId !== undefined };
}
