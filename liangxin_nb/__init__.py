"""Pictures in Jupyter through the Market task API of LiangXin and KIE."""
