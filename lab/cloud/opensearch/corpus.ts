/** A passage of the vector store's fixed corpus. */
export interface Passage {
  readonly title: string;
  readonly text: string;
}

/** What the lab's chatbot can look up: a page of knowledge about observability, written for the lab. */
export const CORPUS: readonly Passage[] = [
  {
    title: 'Traces and spans',
    text: 'A trace is the path of one request through a system. It is made of spans; each span names an operation, says when it began and how long it took, and points to its parent.',
  },
  {
    title: 'Span attributes',
    text: 'Attributes are keys and values on a span. Give a span the facts that you will want to group by later: the customer, the route, the model, the size of the input.',
  },
  {
    title: 'Latency percentiles',
    text: 'The 95th percentile is the duration that 95 of 100 requests stay under. An average hides slow requests; look at the 50th, 95th and 99th percentile together.',
  },
  {
    title: 'CPU throttling',
    text: 'A container that has used up its CPU quota for a period is stopped until the next one. Latency rises although the host is idle. Compare the CPU used with the CPU reserved.',
  },
  {
    title: 'Task sizes',
    text: 'On Fargate a task has a CPU size in units, 1024 to a core, and a memory size that must fit the CPU size. 512 units go with 1 to 4 GB, 1024 units with 2 to 8 GB.',
  },
  {
    title: 'Rolling deployments',
    text: 'A rolling deployment starts tasks of the new revision, waits until the load balancer finds them healthy, then drains the old ones. Capacity stays above the minimum healthy percent.',
  },
  {
    title: 'Circuit breakers',
    text: 'A deployment circuit breaker gives up when new tasks keep failing, and can roll back to the last revision that was steady.',
  },
  {
    title: 'Health checks',
    text: 'A load balancer asks each target for its health page at an interval. After some failures in a row it sends the target no more requests.',
  },
  {
    title: 'Retrieval augmented generation',
    text: 'A chatbot with retrieval embeds the question, searches a vector store for the nearest passages, puts them into the prompt and lets the language model answer from them.',
  },
  {
    title: 'Embeddings',
    text: 'An embedding is a vector that stands for a text. Texts of similar meaning have vectors with a small angle between them; cosine similarity measures it.',
  },
  {
    title: 'Vector search',
    text: 'A k nearest neighbour query asks an index for the k vectors most similar to a given one. Approximate indexes trade a little recall for a lot of speed.',
  },
  {
    title: 'Prompt size',
    text: 'Long conversations make long prompts. Tokenising, ranking and trimming the history costs CPU in the service, and more tokens cost time in the model.',
  },
  {
    title: 'Language model latency',
    text: 'The time a language model takes grows with the tokens it writes. Time to first token tells about its queue, tokens per second about its load.',
  },
  {
    title: 'Rate limits',
    text: 'A provider that answers 429 wants fewer requests. Back off, retry with jitter, and keep the number of retries small, or the retries become the load.',
  },
  {
    title: 'Exclusive time',
    text: "A span's exclusive time is its duration without the parts covered by its children. Where exclusive time grew, the work itself became slower; elsewhere it was inherited.",
  },
  {
    title: 'Queueing',
    text: 'When utilisation nears one hundred percent, waiting grows without bound. A closed loop of users slows itself down; an open one does not.',
  },
  {
    title: 'Infrastructure as code',
    text: 'A Pulumi program declares resources. A preview says what would be created, changed, replaced or deleted; an update does it and records the new state.',
  },
  {
    title: 'Update plans',
    text: 'A plan saved by a preview binds the operations of the update that follows: if the program asks for something else then, the update stops.',
  },
  {
    title: 'Drift',
    text: 'Drift is a difference between what the state says and what the cloud has. A refresh reads the cloud and shows it.',
  },
  {
    title: 'Log groups',
    text: 'Containers on ECS send their output to CloudWatch Logs by the awslogs driver. Each task writes a stream of its own in the log group of its task definition.',
  },
  {
    title: 'Error budgets',
    text: 'An objective of 99.9 percent leaves 43 minutes a month. The rate at which the budget burns says how urgent an incident is.',
  },
  {
    title: 'Sampling',
    text: 'Sampling keeps a share of the traces. Head sampling decides at the start of a trace, tail sampling at its end, when errors and slow ones are known.',
  },
  {
    title: 'Markers',
    text: 'A marker on a chart says that something happened at that moment: a deployment, a change of configuration, the start of an incident.',
  },
  {
    title: 'Out of memory',
    text: 'A container that takes more memory than it was given is killed with exit code 137 and started anew. Look for 137 among the stopped tasks.',
  },
];
