"""The terms of a painting that compare pixels, not features."""

from __future__ import annotations

from torch import Tensor

from impasto.objective.picture_terms import PatternTerm, StructureTerm
from impasto.objective.terms import LaplacianTerm, Term, TotalVariation
from impasto.recipes.recipe import Recipe


def pixel_terms(photograph: Tensor, recipe: Recipe) -> list[Term]:
    """Lines and forms of the photograph, and smoothness, where the recipe gives them a weight.

    Args:
        photograph: (1, 3, H, W) in [0, 1], at the size of the painting.
        recipe: Its weights are used.
    """
    terms: list[Term] = []
    if recipe.laplacian_weight:
        terms.append(LaplacianTerm(photograph, recipe.laplacian_weight))
    forms_weight = recipe.structure_weight * recipe.content_weight
    if forms_weight:
        terms.append(StructureTerm(photograph, forms_weight))
    # The less a photograph is to change, the less it is smoothed.
    if recipe.pattern_weight:
        terms.append(PatternTerm(photograph, recipe.pattern_weight * recipe.strength))
    if recipe.tv_weight:
        terms.append(TotalVariation(recipe.tv_weight * recipe.strength, kind=recipe.tv))
    return terms
