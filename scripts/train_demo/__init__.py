"""Makes the bundled model from nothing: data generator, tokenizer, training, gates, export.

In the order data flows:

    values      words, values and names drawn from the whole vocabulary
    wording     sentences composed from parts, with slots that stay intact; `phrases`,
                `phrases_wide`, `phrases_more`, `phrases_acts`: the parts; `unseen`: wordings
                for the test alone
    meanings    what settings mean: spellings, nouns and questions for each
    statements  facts in whole sentences, and questions for them
    files/      the files of small projects, and the facts in them
    records     what people keep records of; `records_sheets` tables, `records_logs` logs,
                `records_prose` documents, `records_nested` settings within settings, each with
                ways to ask that are not its own words
    workspace   a workspace in memory, in which the agent's own tools run
    tasks/      one request, its calls and its answer, by kind
    session     one conversation, with what is known and what is out of sight
    planted     sessions in the form of the calibration's self-test
    documents   sessions, recall drills, recursive state, prose; weights on their tokens
    mixture     what generated sessions consist of
    tokens      the tokenizer: training it, and documents to ids and weights
    stream      processes that fill rows of one length, for ever
    model       the network; `optim` its optimisers; `training` the loop
    packing     weights in one byte each, to start a further run from
    gates       eviction coefficients trained through a soft gate
    exams       rows with questions about what may be forgotten by then
    adapt       weights and coefficients trained together; `joint` the phase as a whole
    export      GGUF in F16 and Q8_0
    cli         the commands

Nothing here is imported by triagent.
"""
