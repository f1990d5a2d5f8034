"""How time and memory grow with the number of images, from 10,000 to 10,000,000, on data made up at that size.

    python -m benchmarks.scale                               # all of it; what is recorded already is not done again
    python -m benchmarks.scale --only images --sizes 10000 30000
    python -m benchmarks.scale --draw                        # the tables and the figure again, from the rows alone

    images      the downsampled ImageNet in its own batches, of random pixels: packed as the stage coarse does it,
                opened, and an epoch begun, with the set held in memory and streamed from the disk, each also by a
                process that may not have as much memory as the set (see measuring.py)
    retrieval   1,000 queries among features of 128 numbers in a memory map, exactly, and by indexes of faiss

Opening is reading labels and mapping the images; hashing goes through all of them, for the name of a checkpoint;
holding copies them from the disk into memory. The first batch waits for a block of 4,096 images, read and augmented; a
batch is the mean of the first 128. The images of the training part, nine tenths of all, are what an epoch has. Files
are taken out of the system's cache before they are read.

Each measurement is a process of its own, on one thread unless --threads says otherwise, and each is a row of
results/scale_images.csv or results/scale_retrieval.csv as soon as it is done. Data lie in --folder
(.scratch/scale), one size at a time, and are removed: at most 9 GB.
"""
