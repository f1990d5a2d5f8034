"""The gallery as one HTML page that needs nothing beside itself: map, thumbnails, neighbours, confused classes."""
