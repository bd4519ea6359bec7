"""The colours of CamVid's own masks: 32 things, in the 11 classes of SegNet.

The grouping is that of Sturgess et al. 2009, which SegNet (Badrinarayanan et al.
2017) and all later work with 11 classes use.
"""

from selene_tf.data.label_format import IGNORE_LABEL

# In the order of the class ids; the comments name what a class takes in.
_GROUPS = (
    ((128, 128, 128),),  # sky
    # building, archway, bridge, tunnel, wall
    ((128, 0, 0), (192, 0, 128), (0, 128, 64), (64, 0, 64), (64, 192, 0)),
    ((192, 192, 128), (0, 0, 64)),  # column or pole, traffic cone
    # road, lane markings that drivers obey, other lane markings
    ((128, 64, 128), (128, 0, 192), (192, 0, 64)),
    ((0, 0, 192), (64, 192, 128), (128, 128, 192)),  # pavement, parking, shoulder
    ((128, 128, 0), (192, 192, 0)),  # tree, other vegetation
    ((192, 128, 128), (128, 128, 64), (0, 64, 64)),  # sign, text, traffic light
    ((64, 64, 128),),  # fence
    # car, pickup truck, lorry or bus, train, other moving thing
    ((64, 0, 128), (64, 128, 192), (192, 128, 192), (192, 64, 128), (128, 64, 64)),
    # pedestrian, child, luggage or pram, animal
    ((64, 64, 0), (192, 128, 64), (64, 0, 192), (64, 128, 64)),
    ((0, 128, 192), (192, 0, 192)),  # bicyclist, motorcycle
)
VOID = (0, 0, 0)

# {(red, green, blue): class id, or 255}.
COLOURS = {
    colour: class_id for class_id, group in enumerate(_GROUPS) for colour in group
} | {VOID: IGNORE_LABEL}
