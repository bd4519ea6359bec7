"""The 32 things in CamVid's own masks: name, colour, and class of the 11 of SegNet.

The grouping is that of Sturgess et al. 2009, which SegNet (Badrinarayanan et al.
2017) and all later work with 11 classes use.
"""

from selene_tf.data.files.label_map import IGNORE_LABEL

# (name as in label_colors.txt, (red, green, blue), class id).
THINGS = (
    ("Sky", (128, 128, 128), 0),
    ("Building", (128, 0, 0), 1),
    ("Archway", (192, 0, 128), 1),
    ("Bridge", (0, 128, 64), 1),
    ("Tunnel", (64, 0, 64), 1),
    ("Wall", (64, 192, 0), 1),
    ("Column_Pole", (192, 192, 128), 2),
    ("TrafficCone", (0, 0, 64), 2),
    ("Road", (128, 64, 128), 3),
    ("LaneMkgsDriv", (128, 0, 192), 3),
    ("LaneMkgsNonDriv", (192, 0, 64), 3),
    ("Sidewalk", (0, 0, 192), 4),
    ("ParkingBlock", (64, 192, 128), 4),
    ("RoadShoulder", (128, 128, 192), 4),
    ("Tree", (128, 128, 0), 5),
    ("VegetationMisc", (192, 192, 0), 5),
    ("SignSymbol", (192, 128, 128), 6),
    ("Misc_Text", (128, 128, 64), 6),
    ("TrafficLight", (0, 64, 64), 6),
    ("Fence", (64, 64, 128), 7),
    ("Car", (64, 0, 128), 8),
    ("SUVPickupTruck", (64, 128, 192), 8),
    ("Truck_Bus", (192, 128, 192), 8),
    ("Train", (192, 64, 128), 8),
    ("OtherMoving", (128, 64, 64), 8),
    ("Pedestrian", (64, 64, 0), 9),
    ("Child", (192, 128, 64), 9),
    ("CartLuggagePram", (64, 0, 192), 9),
    ("Animal", (64, 128, 64), 9),
    ("Bicyclist", (0, 128, 192), 10),
    ("MotorcycleScooter", (192, 0, 192), 10),
    ("Void", (0, 0, 0), IGNORE_LABEL),
)

# {(red, green, blue): class id, or 255}.
COLOURS = {colour: class_id for _, colour, class_id in THINGS}
