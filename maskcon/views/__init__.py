"""Two random views of every image, whole batches at a time; one file per family of views."""
