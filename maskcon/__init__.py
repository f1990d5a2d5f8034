"""Fine retrieval learned from coarse labels: MaskCon and its neighbours.

Rooms, each importing only those before it:

    errors, wording, parameters, randomness,
    atomic_files, scratch                            what everything stands on
    parameter_reference                              docs/parameters.md, made from the typed model and conf/
    datasets/                                        sources, coarse labels, the one packed format
    process_group                                    the processes that share a stage's work, usually one
    batch_norm, processes                            one training by several of them
    augmentation/, image_stream, batches             two views of every image, in batches, wherever the images are
    encoders, key_queue                              query and key network, queue of keys
    targets, methods/                                what a method is: a soft target over own key and queue
    training/                                        schedule, step, checkpoint, loop
    embeddings, neighbours, recall, intervals        what the encoder knows, measured
    measures/                                        and measured as other papers do
    figures/, report                                 what people look at
    tracking/                                        the MLflow record of a run
    composition, grid/                               grids of experiments, queued and resumed from the record
    tables/                                          methods side by side, from the record
    commands/                                        python -m maskcon COMMAND
"""

__version__ = "0.1.0"
