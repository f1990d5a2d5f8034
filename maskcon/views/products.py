"""Views of photos of products (Online Products), as in the MaskCon experiments: colours stay as they are.

Strong views are like weak ones: crop, flip, and a change of perspective of half of them.
"""

from maskcon.views.operations.perspective import crop_in_perspective

weak = strong = crop_in_perspective
