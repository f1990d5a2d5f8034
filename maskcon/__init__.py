"""Fine retrieval learned from coarse labels: MaskCon and the methods around it.

One folder per room, in the order data takes; each imports only those above it:

    parameters    values, accepted or refused
    runtime       how a stage starts, stops, resumes and is identified
    images        image sets: sources, coarse labels, the packed format
    views         two random views of every image
    encoders      backbones and projector
    methods       what a method is: a soft target over the image's own key and the queue
    training      batches, step (step.py), loop, checkpoints
    embedding     images to feature files
    evaluation    features to numbers: Recall@K (retrieval/metrics.py) and other measures
    figures       one file per figure
    report        the short paper of a run
    tracking      the MLflow record of a run
    experiments   grids of runs, and tables from the record
    explore       search, gallery, export
    commands      maskcon COMMAND
"""

__version__ = "0.1.0"
