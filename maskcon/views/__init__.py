"""Two random views of every image, whole batches at a time; one file a family of views."""
