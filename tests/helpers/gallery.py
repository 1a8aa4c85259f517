"""Metadata of paintings, and the elements of a page."""

import html.parser

from helpers.metadata import paint_metadata
from impasto.recipes.recipe import Recipe


def painted(recipe=None, content="photos/cat.jpg", styles=("paintings/wave.jpg",), **changed):
    """The metadata of a painting."""
    recipe = recipe or Recipe()
    return paint_metadata(content, list(styles), recipe=recipe.replace(**changed))


class Elements(html.parser.HTMLParser):
    """The tags of a page and the texts in them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]
